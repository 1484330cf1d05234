//! What an expression may call: DataFusion's scalar functions and a few of our own, and nothing that reads tables.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use arrow::datatypes::DataType;
use datafusion_common::config::ConfigOptions;
use datafusion_common::{Result, TableReference, plan_err};
use datafusion_expr::planner::{ContextProvider, ExprPlanner};
use datafusion_expr::{AggregateUDF, HigherOrderUDF, ScalarUDF, TableSource, WindowUDF};

/// Functions and settings of the expression language: made once, they never change.
pub(super) static LANGUAGE: LazyLock<Language> = LazyLock::new(Language::new);

pub(super) struct Language {
    functions: HashMap<String, Arc<ScalarUDF>>,
    names: Vec<String>,
    planners: Vec<Arc<dyn ExprPlanner>>,
    pub(super) options: Arc<ConfigOptions>,
}

impl Language {
    fn new() -> Self {
        let mut functions = HashMap::new();
        let own = super::special::functions().into_iter().map(Arc::new);
        for function in datafusion_functions::all_default_functions().into_iter().chain(own) {
            for name in std::iter::once(function.name()).chain(function.aliases().iter().map(String::as_str)) {
                functions.insert(name.to_lowercase(), Arc::clone(&function));
            }
        }
        let mut names: Vec<String> = functions.keys().cloned().collect();
        names.sort_unstable();
        let mut options = ConfigOptions::default();
        // The zone of `TIMESTAMP WITH TIME ZONE`: instants travel as UTC (see the contract's type table).
        options.execution.time_zone = Some("UTC".to_owned());
        Self {
            functions,
            names,
            planners: vec![
                Arc::new(datafusion_functions::core::planner::CoreFunctionPlanner::default()),
                Arc::new(datafusion_functions::unicode::planner::UnicodeFunctionPlanner),
                Arc::new(datafusion_functions::datetime::planner::DatetimeFunctionPlanner),
            ],
            options: Arc::new(options),
        }
    }
}

impl Language {
    pub(super) fn has(&self, function: &str) -> bool {
        self.functions.contains_key(&function.to_lowercase())
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }
}

/// The language as DataFusion's SQL planner asks for it.
pub(super) struct Scope<'a>(pub(super) &'a Language);

impl ContextProvider for Scope<'_> {
    fn get_table_source(&self, name: TableReference) -> Result<Arc<dyn TableSource>> {
        plan_err!("an expression sees the columns of one row and no table, but it names `{name}`")
    }

    fn get_expr_planners(&self) -> &[Arc<dyn ExprPlanner>] {
        &self.0.planners
    }

    fn get_function_meta(&self, name: &str) -> Option<Arc<ScalarUDF>> {
        self.0.functions.get(&name.to_lowercase()).cloned()
    }

    fn get_higher_order_meta(&self, _: &str) -> Option<Arc<HigherOrderUDF>> {
        None
    }

    fn get_aggregate_meta(&self, _: &str) -> Option<Arc<AggregateUDF>> {
        None
    }

    fn get_window_meta(&self, _: &str) -> Option<Arc<WindowUDF>> {
        None
    }

    fn get_variable_type(&self, _: &[String]) -> Option<DataType> {
        None
    }

    fn options(&self) -> &ConfigOptions {
        &self.0.options
    }

    fn udf_names(&self) -> Vec<String> {
        self.0.names.clone()
    }

    fn higher_order_function_names(&self) -> Vec<String> {
        Vec::new()
    }

    fn udaf_names(&self) -> Vec<String> {
        Vec::new()
    }

    fn udwf_names(&self) -> Vec<String> {
        Vec::new()
    }
}
