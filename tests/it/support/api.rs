//! A plain client of the stand-in: one call, one answer, no manners of its own.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use extend_edge::standin::StandIn;
use serde_json::Value;
use ureq::http::{HeaderMap, Request, Response};

/// A client that logs in as the stand-in's options say.
pub struct Api {
    base: String,
    pub agent: ureq::Agent,
    pub login: String,
}

/// What came back.
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    /// The body, which must be JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }

    /// `Message` of an error.
    pub fn message(&self) -> String {
        self.json()["Message"].as_str().expect("a message").to_owned()
    }

    /// The header, as a number.
    pub fn number(&self, header: &str) -> i64 {
        self.headers[header].to_str().expect("text").parse().expect("a number")
    }
}

impl Api {
    pub fn of(standin: &StandIn) -> Api {
        let options = standin.options();
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_global(Some(Duration::from_secs(30)))
            .build()
            .into();
        Api {
            base: format!("{}/v1_0/{}", standin.base_url(), options.client),
            agent,
            login: format!("Basic {}", STANDARD.encode(format!("{}:{}", options.username, options.password))),
        }
    }

    /// A call; the error is that of the connection.
    pub fn try_call(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Answer, ureq::Error> {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}/{path}", self.base))
            .header("ExtendBasicAuthorization", &self.login)
            .header("content-type", "application/json");
        let response: Response<ureq::Body> = match body {
            Some(body) => self.agent.run(request.body(body.to_string()).expect("a request"))?,
            None => self.agent.run(request.body(()).expect("a request"))?,
        };
        let (head, mut body) = response.into_parts();
        Ok(Answer { status: head.status.as_u16(), headers: head.headers, body: body.read_to_vec()? })
    }

    pub fn get(&self, path: &str) -> Answer {
        self.try_call("GET", path, None).expect("an answer")
    }

    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.try_call("POST", path, Some(body)).expect("an answer")
    }

    pub fn put(&self, path: &str, body: &Value) -> Answer {
        self.try_call("PUT", path, Some(body)).expect("an answer")
    }

    pub fn delete(&self, path: &str) -> Answer {
        self.try_call("DELETE", path, None).expect("an answer")
    }
}
