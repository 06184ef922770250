//! Logins as the run saw them.

use crate::model::login::{
    ClientOrigin, Login, Redemption, Refresh, RefreshToken, RefreshTrial, Round, RoundEnd,
    TokenAnswer, Trial,
};
use crate::model::probe::{ProbeId, ProbeKey};

use super::{ENDPOINT, ISSUER, World, response};

impl World {
    /// A login with a public client whose code was redeemed for `notes:read`.
    pub(crate) fn login(&mut self) -> &mut Login {
        self.collected.logins.push(Login {
            identity: "user".to_owned(),
            issuer: ISSUER.to_owned(),
            grant: "authorization_code".to_owned(),
            client_id: "cli".to_owned(),
            client: ClientOrigin::Operator,
            public: true,
            redirect_uri: "http://127.0.0.1:1/callback".to_owned(),
            requested: Some(["notes:read".to_owned()].into()),
            resource: ENDPOINT.to_owned(),
            issuer_promised: true,
            rounds: Vec::new(),
            bare: None,
            redemptions: Vec::new(),
            refreshes: Vec::new(),
            failed: None,
        });
        self.redeemed(Trial::Proper, None);
        self.collected.logins.last_mut().unwrap()
    }

    /// The browser's return of the next round.
    pub(crate) fn returned(&mut self, issuer: Option<&str>) {
        let key = ProbeKey::new(ProbeId::LoginReturn);
        let exchange = self.ask(
            key,
            "user",
            "http://127.0.0.1:1/callback",
            response(200, &[], ""),
        );
        let login = self.collected.logins.last_mut().unwrap();
        login.rounds.push(Round {
            number: login.rounds.len() + 1,
            purpose: "signing in".to_owned(),
            end: RoundEnd::Granted,
            issuer: issuer.map(str::to_owned),
            exchange: Some(exchange),
        });
    }

    /// A redemption that gave a token, or the error.
    pub(crate) fn redeemed(&mut self, trial: Trial, error: Option<&str>) -> &mut Redemption {
        let answer = self.token_answer(ProbeId::RedeemCode, error);
        let login = self.collected.logins.last_mut().unwrap();
        login.redemptions.push(Redemption {
            trial,
            round: 1,
            fresh: true,
            answer,
        });
        login.redemptions.last_mut().unwrap()
    }

    /// A refresh that gave a token, or the error.
    pub(crate) fn refresh(&mut self, trial: RefreshTrial, error: Option<&str>) -> &mut Refresh {
        let answer = self.token_answer(ProbeId::RefreshToken, error);
        let login = self.collected.logins.last_mut().unwrap();
        login.refreshes.push(Refresh {
            trial,
            asked: None,
            answer,
        });
        login.refreshes.last_mut().unwrap()
    }

    fn token_answer(&mut self, probe: ProbeId, error: Option<&str>) -> TokenAnswer {
        let body = match error {
            Some(error) => format!("{{\"error\":\"{error}\"}}"),
            None => "{\"access_token\":\"{token-user}\"}".to_owned(),
        };
        let status = if error.is_some() { 400 } else { 200 };
        let headers = [("Cache-Control", "no-store")];
        let outcome = response(status, &headers, &body);
        let url = format!("{ISSUER}/token");
        TokenAnswer {
            exchange: self.ask(ProbeKey::new(probe), "user", &url, outcome),
            issued: error.is_none(),
            error: error.map(str::to_owned),
            scopes: None,
            claims: None,
            refresh: RefreshToken::Absent,
        }
    }
}
