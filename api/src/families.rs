//! What the API counts.

use instruments::families;

families! {
    /// The API's families of metrics.
    pub FAMILIES;

    /// HTTP requests answered.
    REQUESTS: Counter = "opsc_api_requests_total" ["method", "route", "status"];
    /// Time until the answer's head was ready.
    REQUEST: Histogram = "opsc_api_request_seconds" ["route"]
        of &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
    /// Requests that failed for a reason of ours; the log has it.
    INTERNAL_ERRORS: Counter = "opsc_api_internal_errors_total" [];
    /// Attempts to sign in: ok, wrong, or limited, which are refused unseen.
    LOGINS: Counter = "opsc_api_logins_total" ["result"];
    /// Viewers of live events refused because there are as many as may be.
    VIEWERS_REFUSED: Counter = "opsc_api_viewers_refused_total" [];
    /// Viewers that were too slow and had to load afresh.
    VIEWERS_RESET: Counter = "opsc_api_viewers_reset_total" [];
    /// Live events that these did not get.
    EVENTS_SKIPPED: Counter = "opsc_api_events_skipped_total" [];
    /// Changes that were on the log and not in the database yet when they were answered.
    PROJECTION_LATE: Counter = "opsc_api_projection_late_total" [];
}
