//! Answers of an authorization endpoint.

use crate::model::authorization::{
    FrontAnswer, FrontAsk, FrontChannel, FrontClient, FrontEnd, FrontPage, Returned, Upstream,
    UpstreamState,
};
use crate::model::probe::{ProbeId, ProbeKey};

use super::{ISSUER, World, response};

/// The host that the client of [`World::front`] is sent back to.
pub(crate) const REDIRECT_HOST: &str = "app.example.org";

impl World {
    /// An endpoint that knows one client and answers its good requests with a login page; unknown
    /// clients are refused, and these changed requests end so.
    pub(crate) fn front(&mut self, changed: &[(FrontAsk, FrontEnd)]) {
        let strangers = [FrontAsk::UnknownClient, FrontAsk::UnknownClientAgain];
        let strangers = strangers
            .map(|ask| self.front_answer(ask, refusal()))
            .to_vec();
        let good = [(FrontAsk::Good, login()), (FrontAsk::GoodAgain, login())];
        let answers = good
            .iter()
            .chain(changed)
            .map(|(ask, end)| self.front_answer(*ask, end.clone()))
            .collect();
        self.collected.front_channels.push(FrontChannel {
            issuer: ISSUER.to_owned(),
            endpoint: format!("{ISSUER}/authorize"),
            strangers,
            clients: vec![FrontClient {
                client_id: "app".to_owned(),
                registered: false,
                redirect_uri: format!("https://{REDIRECT_HOST}/cb"),
                answers,
            }],
        });
    }

    /// Another end for both unknown clients.
    pub(crate) fn stranger_end(&mut self, end: &FrontEnd) {
        for answer in &mut self.collected.front_channels[0].strangers {
            answer.end = end.clone();
        }
    }

    /// Another end for the good request.
    pub(crate) fn good_end(&mut self, end: FrontEnd) {
        self.collected.front_channels[0].clients[0].answers[0].end = end;
    }

    /// Another answer to the good request.
    pub(crate) fn good_body(&mut self, body: &str, headers: &[(&str, &str)]) {
        let url = format!("{ISSUER}/authorize");
        let key = ProbeKey::new(ProbeId::AuthorizeChanged);
        let exchange = self.ask(key, "anonymous", &url, response(200, headers, body));
        self.collected.front_channels[0].clients[0].answers[0].exchanges = vec![exchange];
    }

    fn front_answer(&mut self, ask: FrontAsk, end: FrontEnd) -> FrontAnswer {
        let url = format!("{ISSUER}/authorize");
        let key = ProbeKey::new(ProbeId::AuthorizeChanged).variant(ask.as_str());
        let location = [("Location", "https://elsewhere.example/")];
        let answer = response(302, &location, "");
        let exchange = self.ask(key, "anonymous", &url, answer);
        FrontAnswer {
            ask,
            redirect_uri: "https://asked.invalid/cb".to_owned(),
            end,
            exchanges: vec![exchange],
        }
    }
}

/// A login page.
pub(crate) fn login() -> FrontEnd {
    page(200, 1, true)
}

/// A page with a button and nothing to type.
pub(crate) fn consent() -> FrontEnd {
    page(200, 1, false)
}

/// An error page.
pub(crate) fn refusal() -> FrontEnd {
    page(400, 0, false)
}

/// An error that goes to the redirect URI.
pub(crate) fn returned(registered: bool, error: &str) -> FrontEnd {
    FrontEnd::Returned(Returned {
        registered,
        place: "https://asked.invalid/cb".to_owned(),
        error: Some(error.to_owned()),
        brought: None,
        iss: None,
        state: true,
    })
}

/// A sound request to another server.
pub(crate) fn upstream() -> FrontEnd {
    FrontEnd::Upstream(Upstream {
        place: "https://idp.example.net/authorize".to_owned(),
        host: "idp.example.net".to_owned(),
        client_id: Some("static".to_owned()),
        challenge: true,
        state: Some(UpstreamState {
            digest: "0123456789abcdef".to_owned(),
            bits: 160,
            passed_on: false,
            carries: Vec::new(),
            signed: false,
        }),
    })
}

fn page(status: u16, forms: usize, typed_input: bool) -> FrontEnd {
    FrontEnd::Page(FrontPage {
        status,
        path: "/authorize".to_owned(),
        skeleton: format!("{status}-{forms}-{typed_input}"),
        forms,
        typed_input,
    })
}
