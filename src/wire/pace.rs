//! How fast one host is asked: requests in flight, requests per second, and the pauses it asks for.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use jiff::fmt::rfc2822;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// What is known about the pace of each host; shared by every wire that may talk to it.
#[derive(Clone, Default)]
pub struct Hosts(Arc<Mutex<HashMap<String, Arc<Host>>>>);

/// Lets requests to a host out one by one; shared by everything that talks to it.
pub(super) struct Pacer {
    limits: Limits,
    hosts: Hosts,
}

/// What one run allows itself towards one host.
#[derive(Clone, Copy)]
struct Limits {
    concurrency: usize,
    rate: Option<NonZeroU32>,
}

/// The right to have one request in flight.
pub(super) struct Slot {
    permit: Option<OwnedSemaphorePermit>,
    host: Arc<Host>,
}

/// What an answer says about the pace the host can bear.
#[derive(Clone, Copy, Debug)]
pub(super) struct Advice<'a> {
    pub(super) status: u16,
    pub(super) retry_after: Option<&'a str>,
    /// The `Date` field: an HTTP date in `Retry-After` counts from the host's own clock.
    pub(super) date: Option<&'a str>,
}

struct Host {
    in_flight: Arc<Semaphore>,
    bounds: Mutex<HostBounds>,
    hold: Mutex<Hold>,
}

/// The strictest of what the runs that talk to a host allow themselves.
struct HostBounds {
    limits: Limits,
    rate: Option<Arc<DefaultDirectRateLimiter>>,
    /// Permits to give up as soon as they come back.
    owed: usize,
}

#[derive(Default)]
struct Hold {
    until: Option<Instant>,
    strikes: u32,
    spent: Duration,
}

impl Pacer {
    pub(super) fn new(concurrency: usize, rate: u32) -> Self {
        Self {
            limits: Limits {
                concurrency: concurrency.max(1),
                rate: NonZeroU32::new(rate),
            },
            hosts: Hosts::default(),
        }
    }

    /// The same limits towards hosts that others talk to as well.
    pub(super) fn share(&mut self, hosts: &Hosts) {
        self.hosts = hosts.clone();
    }

    /// Waits until a request to the host may go out.
    pub(super) async fn admit(&self, host: &str, loopback: bool) -> Slot {
        let host = self.host(host, loopback);
        let permit = Arc::clone(&host.in_flight).acquire_owned().await.ok();
        let slot = Slot { permit, host };
        loop {
            // The pause may be prolonged by an answer that arrives meanwhile.
            while let Some(until) = slot.host.held_until(Instant::now()) {
                tokio::time::sleep_until(until).await;
            }
            if let Some(rate) = slot.host.rate() {
                rate.until_ready().await;
            }
            if slot.host.held_until(Instant::now()).is_none() {
                return slot;
            }
        }
    }

    /// Takes note of an answer: 429, and 503 with `Retry-After`, hold the whole host.
    pub(super) fn note(&self, host: &str, loopback: bool, advice: Advice<'_>) {
        self.host(host, loopback).note(Instant::now(), advice);
    }

    fn host(&self, name: &str, loopback: bool) -> Arc<Host> {
        let limits = Limits {
            rate: self.limits.rate.filter(|_| !loopback),
            ..self.limits
        };
        let mut hosts = self.hosts.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = hosts
            .entry(name.to_owned())
            .or_insert_with(|| Arc::new(Host::new(limits)));
        let host = Arc::clone(known);
        drop(hosts);
        host.tighten(limits);
        host
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut bounds = self.host.bounds();
        if bounds.owed > 0
            && let Some(permit) = self.permit.take()
        {
            bounds.owed -= 1;
            permit.forget();
        }
    }
}

impl Host {
    fn new(limits: Limits) -> Self {
        Self {
            in_flight: Arc::new(Semaphore::new(limits.concurrency)),
            bounds: Mutex::new(HostBounds {
                limits,
                rate: limits.rate.map(limiter),
                owed: 0,
            }),
            hold: Mutex::default(),
        }
    }

    /// Where runs allow themselves different things, the stricter one holds.
    fn tighten(&self, limits: Limits) {
        let mut bounds = self.bounds();
        if let Some(rate) = limits.rate
            && bounds.limits.rate.is_none_or(|known| rate < known)
        {
            bounds.limits.rate = Some(rate);
            bounds.rate = Some(limiter(rate));
        }
        let fewer = bounds.limits.concurrency.saturating_sub(limits.concurrency);
        if fewer > 0 {
            bounds.limits.concurrency = limits.concurrency;
            bounds.owed += fewer - self.in_flight.forget_permits(fewer);
        }
    }

    fn rate(&self) -> Option<Arc<DefaultDirectRateLimiter>> {
        self.bounds().rate.clone()
    }

    fn bounds(&self) -> MutexGuard<'_, HostBounds> {
        self.bounds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn held_until(&self, now: Instant) -> Option<Instant> {
        let hold = self.hold.lock().unwrap_or_else(PoisonError::into_inner);
        hold.until.filter(|until| *until > now)
    }

    fn note(&self, now: Instant, advice: Advice<'_>) {
        let mut hold = self.hold.lock().unwrap_or_else(PoisonError::into_inner);
        let throttled =
            advice.status == 429 || (advice.status == 503 && advice.retry_after.is_some());
        let held = hold.until.is_some_and(|until| until > now);
        if !throttled {
            // An answer to a request from before the pause says nothing about its end.
            if !held {
                hold.strikes = 0;
            }
            return;
        }
        let backoff = FIRST_PAUSE * 2_u32.saturating_pow(hold.strikes.min(8));
        let asked = advice
            .retry_after
            .and_then(|value| seconds(value, advice.date));
        let pause = asked.unwrap_or(backoff).min(LONGEST_PAUSE);
        let until = now + pause;
        let from = hold.until.map_or(now, |held_until| held_until.max(now));
        let added = until.saturating_duration_since(from);
        if !held {
            hold.strikes += 1;
        }
        if hold.spent + added <= PATIENCE && until > from {
            hold.spent += added;
            hold.until = Some(until);
        }
    }
}

fn limiter(rate: NonZeroU32) -> Arc<DefaultDirectRateLimiter> {
    let quota = Quota::per_second(rate).allow_burst(NonZeroU32::MIN);
    Arc::new(RateLimiter::direct(quota))
}

/// The seconds of a `Retry-After` field (RFC 9110 §10.2.3).
fn seconds(value: &str, date: Option<&str>) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(value.parse().map_or(LONGEST_PAUSE, Duration::from_secs));
    }
    let parse = |text: &str| rfc2822::DateTimeParser::new().parse_timestamp(text.trim());
    let span = parse(value).ok()?.duration_since(parse(date?).ok()?);
    Duration::try_from(span).ok()
}

const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// All pauses of one host together; after that its 429 answers are taken as answers.
const PATIENCE: Duration = Duration::from_mins(2);

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "mcp.example.com";

    fn pause(pacer: &Pacer, now: Instant) -> Option<Duration> {
        let until = pacer.host(HOST, true).held_until(now)?;
        Some(until - now)
    }

    fn note(pacer: &Pacer, now: Instant, status: u16, retry_after: Option<&str>) {
        let date = Some("Sun, 06 Nov 1994 08:49:37 GMT");
        let advice = Advice {
            status,
            retry_after,
            date,
        };
        pacer.host(HOST, true).note(now, advice);
    }

    #[test]
    fn the_pause_a_host_asks_for_is_kept_within_bounds() {
        for (status, asked, expected) in [
            (429, Some("7"), Some(7)),
            (503, Some("7"), Some(7)),
            (429, Some("Sun, 06 Nov 1994 08:49:41 GMT"), Some(4)),
            (429, Some("86400"), Some(30)),
            (429, Some("99999999999999999999999"), Some(30)),
            (429, Some("Mon, 07 Nov 1994 08:49:37 GMT"), Some(30)),
            (429, Some("soon"), Some(1)),
            (429, Some("Sat, 05 Nov 1994 08:49:37 GMT"), Some(1)),
            (429, Some("0"), None),
            (429, None, Some(1)),
            (503, None, None),
            (200, Some("7"), None),
        ] {
            let pacer = Pacer::new(8, 0);
            let now = Instant::now();
            note(&pacer, now, status, asked);
            let expected = expected.map(Duration::from_secs);
            assert_eq!(pause(&pacer, now), expected, "{status} {asked:?}");
        }
    }

    #[test]
    fn repeated_throttling_doubles_the_pause_until_an_answer_comes_through() {
        let pacer = Pacer::new(8, 0);
        let mut now = Instant::now();
        for expected in [1, 2, 4] {
            note(&pacer, now, 429, None);
            let expected = Duration::from_secs(expected);
            assert_eq!(pause(&pacer, now), Some(expected));
            now += expected;
        }
        note(&pacer, now, 200, None);
        note(&pacer, now, 429, None);
        assert_eq!(pause(&pacer, now), Some(Duration::from_secs(1)));
    }

    #[test]
    fn answers_that_were_in_flight_together_count_once() {
        let pacer = Pacer::new(8, 0);
        let now = Instant::now();
        for _ in 0..8 {
            note(&pacer, now, 429, Some("3"));
        }
        note(&pacer, now, 200, None);
        assert_eq!(pause(&pacer, now), Some(Duration::from_secs(3)));
    }

    #[test]
    fn patience_with_a_host_ends() {
        let pacer = Pacer::new(8, 0);
        let mut now = Instant::now();
        let mut total = Duration::ZERO;
        for _ in 0..100 {
            note(&pacer, now, 429, Some("30"));
            let held = pause(&pacer, now).unwrap_or_default();
            total += held;
            now += held;
        }
        assert_eq!(total, PATIENCE);
    }

    #[tokio::test]
    async fn a_slot_is_free_again_when_it_is_dropped() {
        let pacer = Pacer::new(1, 0);
        let first = pacer.admit(HOST, true).await;
        let waiting = pacer.host(HOST, true);
        assert_eq!(waiting.in_flight.available_permits(), 0);
        drop(first);
        let _second = pacer.admit(HOST, true).await;
        let other = pacer.admit("other.example.com", true).await;
        drop(other);
        assert_eq!(waiting.in_flight.available_permits(), 0);
    }

    #[test]
    fn loopback_is_not_rated_and_remote_hosts_are() {
        let pacer = Pacer::new(8, 50);
        assert!(pacer.host("127.0.0.1", true).rate().is_none());
        assert!(pacer.host(HOST, false).rate().is_some());
    }

    #[test]
    fn a_pause_that_one_run_was_asked_for_holds_every_run_that_shares_the_host() {
        let hosts = Hosts::default();
        let mut pacers = [Pacer::new(8, 0), Pacer::new(8, 0), Pacer::new(8, 0)];
        for pacer in pacers.iter_mut().take(2) {
            pacer.share(&hosts);
        }
        let now = Instant::now();
        note(&pacers[0], now, 429, Some("7"));
        let paused = pacers.each_ref().map(|pacer| pause(pacer, now).is_some());
        assert_eq!(paused, [true, true, false]);
    }

    #[tokio::test]
    async fn the_stricter_of_two_runs_holds_for_both_and_never_more_are_in_flight() {
        let hosts = Hosts::default();
        let (mut loose, mut strict) = (Pacer::new(4, 50), Pacer::new(1, 5));
        loose.share(&hosts);
        strict.share(&hosts);
        let mut slots = Vec::new();
        for _ in 0..4 {
            slots.push(loose.admit(HOST, true).await);
        }
        let host = strict.host(HOST, false);
        assert_eq!(host.bounds().limits.rate, NonZeroU32::new(5));
        assert_eq!(host.bounds().owed, 3);
        slots.truncate(1);
        assert_eq!(host.in_flight.available_permits(), 0);
        slots.clear();
        assert_eq!(host.in_flight.available_permits(), 1);
        loose.host(HOST, false);
        assert_eq!(host.bounds().limits.concurrency, 1);
        assert_eq!(host.bounds().limits.rate, NonZeroU32::new(5));
    }
}
