//! People of a test: made through the REST API by the administrator that the command line made first.

use serde_json::{Value, json};

use crate::{Client, Installation, Server};

/// Long enough for every rule about passwords.
pub const PASSWORD: &str = "Mortise-test-2026";

impl Installation {
    /// Makes the tenant `demo` with an administrator `admin` and installs apps from folders below the workspace.
    pub fn tenant(&self, apps: &[&str]) {
        self.run(&["tenant", "create", "demo", "--time-zone", "Asia/Shanghai"]);
        self.run_with(&["user", "create", "demo", "admin", "--administrator", "--stdin"], PASSWORD);
        for app in apps {
            let folder = crate::server::workspace().join(app);
            self.run(&["app", "install", "demo", &folder.to_string_lossy()]);
        }
    }
}

impl Server {
    /// A connection of the administrator.
    pub fn administrator(&self) -> Client {
        let mut client = self.client();
        let credentials = json!({"login": "admin", "password": PASSWORD});
        let answer = client
            .json("POST", "/t/demo/api/v1/session", &credentials)
            .expect("the server answers")
            .expect(201);
        let cookie =
            answer.header("set-cookie").and_then(|cookie| cookie.split(';').next()).expect("a cookie is set");
        self.client().with_header("cookie", cookie)
    }
}

/// Makes a person with roles; returns the id and an API token that may read and write.
pub fn person(administrator: &mut Client, login: &str, roles: &[&str]) -> (String, String) {
    let user = json!({"login": login, "name": login, "password": PASSWORD, "roles": roles});
    let user = administrator
        .json("POST", "/t/demo/api/v1/users", &user)
        .expect("the server answers")
        .expect(201)
        .json();
    let token = json!({"name": "tests", "scopes": ["read", "write"], "user": user["id"]});
    let token = administrator
        .json("POST", "/t/demo/api/v1/tokens", &token)
        .expect("the server answers")
        .expect(201)
        .json();
    (text(&user["id"]), text(&token["token"]))
}

fn text(value: &Value) -> String {
    value.as_str().expect("the server gives a text").to_owned()
}
