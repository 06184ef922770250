//! What a login gave beside its access token, shown to the target in place of one (TOK-09).
//!
//! Nobody else sees it. A refresh token is shown only where the run can take it back afterwards, since
//! whoever logs it could use it.

use secrecy::{ExposeSecret, SecretString};

use super::{Run, enrol, forge};
use crate::model::audit::Collected;
use crate::model::grant::Grant;
use crate::model::identity::{Identity, IdentityKind, Provenance};
use crate::model::login::BesideToken;

/// Shows each to the first door, and to further ones where that lets it in.
pub async fn beside(run: &Run<'_>, collected: &mut Collected) {
    let Some(served) = collected.discovery.audited.clone() else {
        return;
    };
    let shown = collected.beside.iter().filter_map(|token| {
        let owner = collected.identities.named(&token.identity)?;
        let usable = token.kind != IdentityKind::RefreshToken || can_take_back(run, collected);
        usable.then(|| identity(collected, owner, token))?
    });
    let shown: Vec<Identity> = shown.take(MOST).collect();
    for identity in &shown {
        if let Some(credential) = &identity.credential {
            let label = format!("token-{}", identity.name);
            run.wire.know(&label, credential);
            let Provenance::Derived {
                from: Some(owner), ..
            } = &identity.provenance
            else {
                continue;
            };
            let owner = collected.identities.named(owner);
            if let Some(access) = owner.and_then(|owner| owner.credential.as_ref()) {
                run.wire.alike(credential, access);
            }
        }
    }
    forge::try_each(run, collected, &served, shown).await;
}

/// Remembers a token, in place of an older one of its kind.
pub(crate) fn keep(
    collected: &mut Collected,
    identity: &str,
    kind: IdentityKind,
    token: Option<SecretString>,
) {
    let Some(token) = token else { return };
    let known = collected
        .beside
        .iter_mut()
        .find(|known| known.identity == identity && known.kind == kind);
    match known {
        Some(known) => known.token = token,
        None => collected.beside.push(BesideToken {
            identity: identity.to_owned(),
            kind,
            token,
        }),
    }
}

/// The most tokens that are shown.
pub(crate) const MOST: usize = 4;

/// Whether the run revokes its refresh tokens, and some authorization server does so.
fn can_take_back(run: &Run<'_>, collected: &Collected) -> bool {
    let upkeep = &run.settings.upkeep;
    let mut servers = collected.discovery.authorization_servers.iter();
    let offered = servers.all(|server| {
        let metadata = server.chosen();
        metadata.is_some_and(|it| it.text("revocation_endpoint").is_some())
    });
    offered && !upkeep.keep_tokens && upkeep.cache.is_none()
}

/// None where both tokens are one.
fn identity(collected: &Collected, owner: &Identity, token: &BesideToken) -> Option<Identity> {
    let (word, change) = match token.kind {
        IdentityKind::IdToken => ("id-token", "the ID token that came with it"),
        _ => ("refresh-token", "the refresh token that came with it"),
    };
    let newest = collected.refresh.get(&owner.name);
    let newest = newest.and_then(|request| match &request.grant {
        Grant::RefreshToken(newest) if token.kind == IdentityKind::RefreshToken => Some(newest),
        _ => None,
    });
    let credential = newest.unwrap_or(&token.token);
    let access = owner.credential.as_ref()?;
    (access.expose_secret() != credential.expose_secret()).then(|| Identity {
        name: format!("{}-{word}", owner.name),
        kind: token.kind,
        provenance: Provenance::Derived {
            from: Some(owner.name.clone()),
            change: change.to_owned(),
        },
        credential: Some(credential.clone()),
        ..enrol::anonymous()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> SecretString {
        SecretString::from(text.to_owned())
    }

    fn owner(token: &str) -> Identity {
        Identity {
            name: "user".to_owned(),
            kind: IdentityKind::Valid,
            credential: Some(secret(token)),
            ..enrol::anonymous()
        }
    }

    #[test]
    fn the_newest_of_each_kind_is_kept() {
        let mut collected = Collected::default();
        keep(
            &mut collected,
            "user",
            IdentityKind::IdToken,
            Some(secret("id")),
        );
        for token in ["one", "two"] {
            let kind = IdentityKind::RefreshToken;
            keep(&mut collected, "user", kind, Some(secret(token)));
        }
        keep(&mut collected, "user", IdentityKind::IdToken, None);
        let kept = collected.beside.iter().map(|it| it.token.expose_secret());
        assert_eq!(kept.collect::<Vec<_>>(), ["id", "two"]);
    }

    #[test]
    fn a_token_that_is_the_access_token_as_well_is_not_shown() {
        let mut collected = Collected::default();
        let kind = IdentityKind::RefreshToken;
        keep(&mut collected, "user", kind, Some(secret("same")));
        let token = &collected.beside[0];
        assert!(identity(&collected, &owner("same"), token).is_none());
        let shown = identity(&collected, &owner("other"), token).unwrap();
        assert_eq!(
            (shown.name.as_str(), shown.kind),
            ("user-refresh-token", kind)
        );
        assert_eq!(shown.credential.unwrap().expose_secret(), "same");
    }
}
