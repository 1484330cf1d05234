//! What sort of value a term has, as far as it matters for what systems make of it.

use crate::catalog::DataType;

/// Digits of a decimal that every system which has decimals computes with. One of more may be kept as a text.
const DECIMAL_DIGITS: u16 = 38;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A number that stands in the text.
    Literal,
    /// A whole number.
    Whole,
    /// Digits before and after the point, as many as its type says.
    Decimal,
    /// As many digits as it has.
    Number,
    Float,
    Text,
    Truth,
    /// 0 and 1 in the source, a boolean in the target.
    Flag,
    Date,
    Uuid,
    /// One of the labels of a column. It is equal to those alone: systems order and convert labels in ways of their own.
    Enumeration,
    /// A text that stands for a label, in a system where it says of which type.
    Label,
    Null,
    /// Its value alone says nothing that systems agree about.
    Other,
}

impl Kind {
    /// Of a column that both systems have, each in its own type; one that they treat alike. `decimals`: the target has them.
    pub(super) fn of(source: &DataType, target: &DataType, decimals: bool) -> Self {
        let (source, target) = (Self::alone(source, decimals), Self::alone(target, decimals));
        match (source, target) {
            // A large whole number may need a decimal.
            (Self::Whole, Self::Decimal) => Self::Decimal,
            (Self::Whole, Self::Truth) => Self::Flag,
            (Self::Enumeration, Self::Text) => Self::Enumeration,
            _ if source == target => source,
            _ => Self::Other,
        }
    }

    fn alone(data_type: &DataType, decimals: bool) -> Self {
        match data_type {
            DataType::Boolean => Self::Truth,
            // Where decimals are none, the largest of these are kept as something else.
            DataType::Integer(integer) if decimals || integer.signed || integer.bits < 64 => Self::Whole,
            DataType::Decimal(decimal) if decimals && decimal.precision <= DECIMAL_DIGITS => Self::Decimal,
            DataType::Number if decimals => Self::Number,
            DataType::Float(_) => Self::Float,
            // A text that is padded is another for everyone who compares, or joins it.
            DataType::Text(text) if !text.fixed => Self::Text,
            DataType::Date => Self::Date,
            DataType::Uuid => Self::Uuid,
            DataType::Enumeration(_) => Self::Enumeration,
            DataType::Integer(_)
            | DataType::Decimal(_)
            | DataType::Number
            | DataType::Text(_)
            | DataType::Binary(_)
            | DataType::Time(_)
            | DataType::Duration(_)
            | DataType::Timestamp(_)
            | DataType::Interval
            | DataType::Json
            | DataType::Bits(_)
            | DataType::Set(_)
            | DataType::Geometry(_)
            | DataType::Native => Self::Other,
        }
    }

    /// A number without rounding.
    pub(super) fn is_exact(self) -> bool {
        matches!(self, Self::Literal | Self::Whole | Self::Decimal | Self::Number)
    }

    /// Whether values of the two compare alike everywhere.
    pub(super) fn compares(self, other: Self) -> bool {
        let numbers = self.is_exact() && other.is_exact();
        let to_a_float = matches!((self, other), (Self::Float, Self::Literal) | (Self::Literal, Self::Float));
        let null = self == Self::Null || other == Self::Null;
        numbers || to_a_float || null || (self == other && self.is_common())
    }

    /// Values of this kind, whatever column they are of, are compared and put together alike everywhere.
    fn is_common(self) -> bool {
        !matches!(self, Self::Other | Self::Enumeration | Self::Label)
    }

    /// What a value is that may be the one or the other.
    pub(super) fn either(self, other: Self) -> Option<Self> {
        match (self, other) {
            (Self::Null, kind) | (kind, Self::Null) => Some(kind),
            _ if self == other && self.is_common() => Some(self),
            _ if self.is_exact() && other.is_exact() => Some(self.widest(other)),
            _ => None,
        }
    }

    /// Of what is computed from two exact numbers.
    pub(super) fn widest(self, other: Self) -> Self {
        [Self::Number, Self::Decimal, Self::Whole].into_iter().find(|k| self == *k || other == *k).unwrap_or(self)
    }
}
