//! The authorization endpoint before anybody logs in: pairs of requests that differ in one thing.
//!
//! Nothing but GET, no credential, no redirect URI ever fetched; redirects are followed on the
//! authorization server's own origin only.

mod forms;
mod walk;

use url::Url;

use self::walk::{Walked, Walker};
use super::client::{Client, LOOPBACK};
use super::{Run, mint, together};
use crate::model::audit::Collected;
use crate::model::authorization::{FrontAnswer, FrontAsk, FrontChannel, FrontClient, FrontEnd};
use crate::model::discovery::AuthorizationServer;
use crate::model::exchange::ExchangeId;
use crate::model::probe::{ProbeId, ProbeKey};
use crate::model::settings::KnownClient;
use crate::oracle::front_channel;
use crate::wire::Pending;

/// A client that the endpoint knows.
pub(crate) struct Known {
    /// The identifier as it is sent.
    id: String,
    /// The identifier as it is shown.
    shown: String,
    redirect_uri: String,
    registered: bool,
}

/// Clients of the run whose redirect URI a real client could have, one for each redirect URI.
pub(crate) fn registered(run: &Run<'_>, clients: &[Client]) -> Vec<Known> {
    let own = own_https(&run.settings.run_id);
    let mut known: Vec<Known> = Vec::new();
    for client in clients {
        let kept = |grants: &Vec<String>| grants.iter().any(|it| it == "authorization_code");
        let by_code = client.grants.as_ref().is_none_or(kept);
        let redirect_uri = match client.record.variant.as_str() {
            "native-loopback" => LOOPBACK.to_owned(),
            "https-confidential" | "https-public" | "claimed-name" => own.clone(),
            _ => continue,
        };
        // Registrations that share one identifier overwrite each other.
        let own_id = clients.iter().filter(|it| it.id == client.id).count() == 1;
        if by_code && own_id && known.iter().all(|it| it.redirect_uri != redirect_uri) {
            known.push(known_client(client, redirect_uri));
        }
    }
    known
}

/// Asks one authorization endpoint everything that needs no login.
pub(crate) async fn front(
    run: &Run<'_>,
    collected: &mut Collected,
    server: &AuthorizationServer,
    registered: Vec<Known>,
) {
    let Some((endpoint, named_by)) = endpoint(server) else {
        return;
    };
    (run.progress)("authorize", 0);
    let mut known = Vec::new();
    // A client that the operator names belongs to one server; the first is the one clients take.
    let first = collected.discovery.authorization_servers.first();
    let first = first.map(|first| first.issuer.clone());
    let belongs = |client: &&KnownClient| {
        let issuer = client.issuer.as_ref().or(first.as_ref());
        issuer == Some(&server.issuer)
    };
    known.extend(run.settings.client.iter().filter(belongs).map(operator));
    known.extend(registered);
    let resource = mint::resource(&collected.discovery);
    let walker = Walker::new(run, &endpoint, Some(resource), named_by);
    let strangers = strangers(run, collected, &walker).await;
    let mut channel = FrontChannel {
        issuer: server.issuer.clone(),
        endpoint: endpoint.to_string(),
        strangers,
        clients: Vec::new(),
    };
    for (number, client) in known.iter().enumerate() {
        let label = format!("client-{}", number + 1);
        let answers = client_answers(collected, &walker, client, &label).await;
        channel.clients.push(FrontClient {
            client_id: client.shown.clone(),
            registered: client.registered,
            redirect_uri: client.redirect_uri.clone(),
            answers,
        });
    }
    collected.front_channels.push(channel);
}

/// How many authorization requests one known client takes at most.
pub(crate) const ASKS_PER_CLIENT: usize = 2 * FIRST.len() + CHANGES.len();
/// How many requests are made in the name of nobody.
pub(crate) const STRANGER_ASKS: usize = 3;
/// How many redirects are followed at one endpoint.
pub(crate) const FOLLOWED: usize = walk::MOST_FOLLOWED;

async fn strangers(
    run: &Run<'_>,
    collected: &mut Collected,
    walker: &Walker<'_>,
) -> Vec<FrontAnswer> {
    let unknown = |purpose: &str| Known {
        id: run.entropy.word(purpose, 20),
        shown: String::new(),
        redirect_uri: own_https(&run.settings.run_id),
        registered: false,
    };
    let (one, other) = (unknown("unknown-client"), unknown("another-unknown-client"));
    let asks = [
        (FrontAsk::UnknownClient, &one),
        (FrontAsk::UnknownClientAgain, &other),
        (FrontAsk::NoRequest, &one),
    ];
    let pending = asks
        .iter()
        .map(|(ask, client)| {
            let key = ProbeKey::new(ProbeId::AuthorizeStranger).variant(ask.as_str());
            let (parameters, redirect_uri) =
                walker.stranger(*ask, &client.id, &client.redirect_uri);
            let walk = walker.walk(key, *ask, parameters, redirect_uri, &client.redirect_uri);
            Box::pin(walk) as Pending<'_, Walked>
        })
        .collect();
    let walked = together(pending).await;
    walked
        .into_iter()
        .map(|walked| walked.file(collected))
        .collect()
}

async fn client_answers(
    collected: &mut Collected,
    walker: &Walker<'_>,
    client: &Known,
    label: &str,
) -> Vec<FrontAnswer> {
    let with_resource = ask_all(collected, walker, client, label, &FIRST).await;
    let refuses_resource = with_resource.iter().any(|answer| {
        answer.ask == FrontAsk::Good
            && matches!(&answer.end, FrontEnd::Returned(returned)
                if returned.error.as_deref() == Some("invalid_target"))
    });
    let bare = walker.without_resource();
    let (walker, mut answers) = if refuses_resource {
        let label = format!("{label}-without-resource");
        let answers = ask_all(collected, &bare, client, &label, &FIRST).await;
        (&bare, answers)
    } else {
        (walker, with_resource)
    };
    let comparable = FrontClient {
        client_id: client.shown.clone(),
        registered: client.registered,
        redirect_uri: client.redirect_uri.clone(),
        answers: answers.clone(),
    };
    // Without a good request that goes on there is nothing to compare the others with.
    if front_channel::good(&comparable).is_ok() {
        answers.extend(ask_all(collected, walker, client, label, &CHANGES).await);
    }
    answers
}

async fn ask_all(
    collected: &mut Collected,
    walker: &Walker<'_>,
    client: &Known,
    label: &str,
    asks: &[FrontAsk],
) -> Vec<FrontAnswer> {
    let pending = asks
        .iter()
        .filter_map(|ask| {
            let (parameters, redirect_uri) =
                walker.changed(*ask, &client.id, &client.redirect_uri)?;
            let key = ProbeKey::new(ProbeId::AuthorizeChanged)
                .about(label)
                .variant(ask.as_str());
            let walk = walker.walk(key, *ask, parameters, redirect_uri, &client.redirect_uri);
            Some(Box::pin(walk) as Pending<'_, Walked>)
        })
        .collect();
    let walked = together(pending).await;
    walked
        .into_iter()
        .map(|walked| walked.file(collected))
        .collect()
}

fn endpoint(server: &AuthorizationServer) -> Option<(Url, ExchangeId)> {
    let metadata = server.chosen()?;
    let endpoint = Url::parse(metadata.text("authorization_endpoint")?).ok()?;
    Some((endpoint, metadata.exchange))
}

fn operator(client: &KnownClient) -> Known {
    Known {
        id: client.id.clone(),
        shown: client.id.clone(),
        redirect_uri: client.redirect_uri.clone(),
        registered: false,
    }
}

fn known_client(client: &Client, redirect_uri: String) -> Known {
    Known {
        id: client.id.clone(),
        shown: client.record.client_id.clone(),
        redirect_uri,
        registered: true,
    }
}

fn own_https(run_id: &str) -> String {
    format!("https://{run_id}.mcp-assay.invalid/callback")
}

/// What everything else is compared with.
const FIRST: [FrontAsk; 3] = [
    FrontAsk::Good,
    FrontAsk::GoodAgain,
    FrontAsk::RedirectForeign,
];
const CHANGES: [FrontAsk; 27] = [
    FrontAsk::ChallengeMissing,
    FrontAsk::ChallengeWithoutMethod,
    FrontAsk::MethodWithoutChallenge,
    FrontAsk::MethodPlain,
    FrontAsk::MethodUnknown,
    FrontAsk::RedirectSubpath,
    FrontAsk::RedirectQuery,
    FrontAsk::RedirectFragment,
    FrontAsk::RedirectPort,
    FrontAsk::RedirectUserinfo,
    FrontAsk::RedirectScheme,
    FrontAsk::RedirectDotSegments,
    FrontAsk::RedirectPathCase,
    FrontAsk::RedirectHostCase,
    FrontAsk::RedirectHostDot,
    FrontAsk::RedirectDecimalHost,
    FrontAsk::RedirectEncoded,
    FrontAsk::RedirectTwice,
    FrontAsk::ResourceMissing,
    FrontAsk::ResourceForeign,
    FrontAsk::ResourceTwice,
    FrontAsk::ResponseTypeToken,
    FrontAsk::ResponseTypeCodeToken,
    FrontAsk::ResponseTypeUnknown,
    FrontAsk::ScopeUnknown,
    FrontAsk::PromptNone,
    FrontAsk::StateMissing,
];
