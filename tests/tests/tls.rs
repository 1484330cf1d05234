//! Who is at the other end: TLS in every mode, and each way to log in.
//!
//! `caching_sha2_password` is not here: MariaDB does not have it, and MySQL is not installed. The connector's own
//! tests cover it.

use sensei_tests::oracle::{Rules, compare};
use sensei_tests::product;
use sensei_tests::servers::{self, MariaDbDatabase, PostgresDatabase};

fn postgres() -> PostgresDatabase {
    let database = servers::postgres().fresh_database();
    database.sql(
        "create table t (id int primary key, v text); insert into t values (1, 'one'); grant select on t to public",
    );
    database
}

fn mariadb() -> MariaDbDatabase {
    let database = servers::mariadb().fresh_database();
    database.sql("create table t (id int primary key, v varchar(10)); insert into t values (1, 'one')");
    database
}

/// Query parameters for a mode of TLS and an authority.
fn mode(mode: &str, authority: &std::path::Path) -> String {
    format!("sslmode={mode}&sslrootcert={}", authority.display())
}

/// The certificate is for `localhost`, the URL says `127.0.0.1` unless this is applied.
fn named(url: &str) -> String {
    url.replace("127.0.0.1", "localhost")
}

#[test]
fn every_mode_of_tls_with_postgres() {
    let (source, files) = (postgres(), &servers::postgres().certificates);
    let passes = |url: String| {
        let target = servers::mariadb().fresh_database();
        product::migrate(&url, &target.url, &[]).succeeded();
        compare(&(&source).into(), &target.into(), &Rules::across()).assert_equal();
    };
    passes(source.url_with("sslmode=disable"));
    passes(source.url_with("sslmode=prefer"));
    passes(source.url_with("sslmode=require"));
    passes(source.url_with(&mode("verify-ca", &files.authority)));
    passes(named(&source.url_with(&mode("verify-full", &files.authority))));
    let refused = |url: String| {
        let target = servers::mariadb().fresh_database();
        let error = product::migrate(&url, &target.url, &[]).failed();
        assert!(error.contains("unauthorized") && error.contains("certificate"), "{error}");
    };
    refused(source.url_with(&mode("verify-ca", &files.stranger)));
    refused(named(&source.url_with(&mode("verify-full", &files.stranger))));
    refused(source.url_with(&mode("verify-full", &files.authority)));
    refused(source.url_with("sslmode=verify-full"));
}

#[test]
fn every_mode_of_tls_with_mariadb() {
    let (source, files) = (mariadb(), &servers::mariadb().certificates);
    let passes = |url: String| {
        let target = servers::postgres().fresh_database();
        product::migrate(&url, &target.url, &[]).succeeded();
        compare(&(&source).into(), &target.into(), &Rules::across()).assert_equal();
    };
    passes(source.url_with("sslmode=disable"));
    passes(source.url_with("sslmode=require"));
    passes(source.url_with(&mode("verify-ca", &files.authority)));
    passes(named(&source.url_with(&mode("verify-full", &files.authority))));
    let refused = |url: String| {
        let target = servers::postgres().fresh_database();
        let error = product::migrate(&url, &target.url, &[]).failed();
        assert!(error.contains("unauthorized") && error.contains("certificate"), "{error}");
    };
    refused(named(&source.url_with(&mode("verify-full", &files.stranger))));
    refused(source.url_with(&mode("verify-full", &files.authority)));
}

/// SCRAM is what all other tests use; here are md5, trust, and SCRAM where only TLS is let in.
#[test]
fn each_way_to_log_in_to_postgres() {
    let source = postgres();
    let with = |user: &str| source.url.replacen("sensei", user, 1);
    let without_password = format!("postgres://open@127.0.0.1:{}/{}", source.port(), source.name);
    for url in [with("old"), with("sealed"), without_password, with("old") + "?sslmode=disable"] {
        let target = servers::mariadb().fresh_database();
        product::migrate(&url, &target.url, &[]).succeeded();
        compare(&(&source).into(), &target.into(), &Rules::across()).assert_equal();
    }
    let target = servers::mariadb().fresh_database();
    let error = product::migrate(&(with("sealed") + "?sslmode=disable"), &target.url, &[]).failed();
    assert!(error.contains("unauthorized"), "{error}");
}

#[test]
fn each_way_to_log_in_to_mariadb() {
    let source = mariadb();
    let with = |user: &str| source.url.replacen("sensei", user, 1);
    for url in [with("edward"), with("edward") + "?sslmode=disable", with("sealed"), with("reader")] {
        let target = servers::postgres().fresh_database();
        product::migrate(&url, &target.url, &[]).succeeded();
        compare(&(&source).into(), &target.into(), &Rules::across()).assert_equal();
    }
    let target = servers::postgres().fresh_database();
    let error = product::migrate(&(with("sealed") + "?sslmode=disable"), &target.url, &[]).failed();
    assert!(error.contains("unauthorized"), "{error}");
}
