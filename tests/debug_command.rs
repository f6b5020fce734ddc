//! Which clients may use `DEBUG`, by `enable-debug-command`.

mod common;

use std::time::{Duration, Instant};

use common::{Client, TestServer, Value};

/// The error for a client that may not use it.
const REFUSED: &str = "ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you can run it from a \
                       local connection, otherwise you need to set this option in the configuration file, and then restart the \
                       server.";

#[test]
fn debug_is_for_whom_the_configuration_allows_it() {
    let root = tempfile::tempdir().unwrap();
    for (setting, allows) in [(None, false), (Some("no"), false), (Some("yes"), true), (Some("local"), true)]
    {
        let flags: Vec<&str> =
            setting.iter().flat_map(|setting| ["--enable-debug-command", setting]).collect();
        let server = TestServer::start(&root.path().join(setting.unwrap_or("none")), &flags);
        let shown = Value::Array(vec![
            Value::Bulk(b"enable-debug-command".to_vec()),
            Value::Bulk(setting.unwrap_or("no").into()),
        ]);
        for mut client in [server.client(), Client::new(Box::new(server.tcp()))] {
            assert_eq!(client.run("CONFIG GET enable-debug-command"), shown);
            let start = Instant::now();
            let reply = client.run("DEBUG SLEEP 0.2");
            let help = client.run("DEBUG HELP");
            let unknown = client.run("DEBUG nonsense");
            match allows {
                true => {
                    assert_eq!(reply, Value::Simple("OK".into()));
                    assert!(start.elapsed() >= Duration::from_millis(200));
                    assert!(matches!(help, Value::Array(_)));
                    assert_eq!(
                        unknown,
                        Value::Error("ERR unknown subcommand 'nonsense'. Try DEBUG HELP.".into())
                    );
                }
                false => {
                    let refused = Value::Error(REFUSED.into());
                    assert!([reply, help, unknown].iter().all(|reply| *reply == refused));
                }
            }
        }
    }
}
