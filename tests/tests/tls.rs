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

/// A connection is made and its row is read.
#[track_caller]
fn passes(url: &str) {
    let report = product::migrate_with_report(url, &product::nowhere(), &["--restart"]);
    assert_eq!(report["tables"][0]["source_rows"], 1, "{report:#}");
}

/// The connection is refused by one side or the other, and the error says `word`.
#[track_caller]
fn is_refused(url: &str, word: &str) {
    let error = product::migrate(url, &product::nowhere(), &[]).failed();
    assert!(error.contains("unauthorized") && error.to_lowercase().contains(word), "{error}");
}

#[test]
fn every_mode_of_tls_with_postgres() {
    let (source, files) = (postgres(), &servers::postgres().certificates);
    passes(&source.url_with("sslmode=disable"));
    passes(&source.url_with("sslmode=prefer"));
    passes(&source.url_with("sslmode=require"));
    passes(&source.url_with(&mode("verify-ca", &files.authority)));
    passes(&named(&source.url_with(&mode("verify-full", &files.authority))));
    is_refused(&source.url_with(&mode("verify-ca", &files.stranger)), "certificate");
    is_refused(&named(&source.url_with(&mode("verify-full", &files.stranger))), "certificate");
    is_refused(&source.url_with(&mode("verify-full", &files.authority)), "certificate");
    is_refused(&source.url_with("sslmode=verify-full"), "certificate");
}

#[test]
fn every_mode_of_tls_with_mariadb() {
    let (source, files) = (mariadb(), &servers::mariadb().certificates);
    passes(&source.url_with("sslmode=disable"));
    passes(&source.url_with("sslmode=prefer"));
    passes(&source.url_with("sslmode=require"));
    passes(&source.url_with(&mode("verify-ca", &files.authority)));
    passes(&named(&source.url_with(&mode("verify-full", &files.authority))));
    is_refused(&source.url_with(&mode("verify-ca", &files.stranger)), "certificate");
    is_refused(&named(&source.url_with(&mode("verify-full", &files.stranger))), "certificate");
    is_refused(&source.url_with(&mode("verify-full", &files.authority)), "certificate");
}

/// SCRAM is what all other tests use; here are md5, trust, and SCRAM where only TLS is let in.
#[test]
fn each_way_to_log_in_to_postgres() {
    let source = postgres();
    let with = |user: &str| source.url.replacen("//sensei", &format!("//{user}"), 1);
    passes(&format!("postgres://open@127.0.0.1:{}/{}", source.port(), source.name));
    passes(&with("old"));
    passes(&(with("old") + "?sslmode=disable"));
    passes(&with("sealed"));
    is_refused(&(with("sealed") + "?sslmode=disable"), "sealed");
    is_refused(&with("nobody"), "password");
}

#[test]
fn each_way_to_log_in_to_mariadb() {
    let source = mariadb();
    let with = |user: &str| source.url.replacen("//sensei", &format!("//{user}"), 1);
    passes(&with("edward"));
    passes(&(with("edward") + "?sslmode=disable"));
    passes(&with("sealed"));
    passes(&with("reader"));
    is_refused(&(with("sealed") + "?sslmode=disable"), "sealed");
    is_refused(&with("nobody"), "password");
}

/// The target's side of a connection is as careful as the source's.
#[test]
fn targets_verify_too() {
    let (postgres_files, mariadb_files) = (&servers::postgres().certificates, &servers::mariadb().certificates);
    let (source, target) = (mariadb(), servers::postgres().fresh_database());
    let strict = named(&source.url_with(&mode("verify-full", &mariadb_files.authority)));
    product::migrate(&strict, &named(&target.url_with(&mode("verify-full", &postgres_files.authority))), &[])
        .succeeded();
    compare(&(&source).into(), &(&target).into(), &Rules::across()).assert_equal();
    let (source, target) = (postgres(), servers::mariadb().fresh_database());
    let strict = named(&source.url_with(&mode("verify-full", &postgres_files.authority)));
    product::migrate(&strict, &named(&target.url_with(&mode("verify-full", &mariadb_files.authority))), &[])
        .succeeded();
    compare(&(&source).into(), &(&target).into(), &Rules::across()).assert_equal();
    let error =
        product::migrate(&strict, &target.url_with(&mode("verify-full", &mariadb_files.authority)), &[]).failed();
    assert!(error.contains("target") && error.contains("unauthorized"), "{error}");
}
