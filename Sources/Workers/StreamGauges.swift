import Domain
import Metrics
import Streams

/// Shows how far the streams are, as a survey has just seen them. Every process that watches them shows the same, so whoever
/// reads several takes the greatest.
struct StreamGauges: Sendable {
    private struct Gauges {
        let length: Meter
        let lag: Meter
        let pending: Meter
        let oldestPending: Meter
        let oldestUndone: Meter

        init(stream: String, group: String) {
            let dimensions = [("stream", stream), ("group", group)]
            length = Meter(label: "quest_stream_length", dimensions: [("stream", stream)])
            lag = Meter(label: "quest_stream_lag", dimensions: dimensions)
            pending = Meter(label: "quest_stream_pending", dimensions: dimensions)
            oldestPending = Meter(label: "quest_stream_oldest_pending_seconds", dimensions: dimensions)
            oldestUndone = Meter(label: "quest_stream_oldest_undone_seconds", dimensions: dimensions)
            hide()
        }

        func show(_ stream: StreamSurvey.Stream, at now: Timestamp) {
            length.set(stream.length)
            // A group that does not exist yet has everything before it.
            lag.set(stream.group == nil ? Double(stream.length) : stream.group?.lag.map(Double.init) ?? .nan)
            pending.set(stream.group?.pending ?? 0)
            oldestPending.set(age(of: stream.group?.oldestPending, at: now))
            oldestUndone.set(age(of: stream.group == nil ? stream.firstID : stream.group?.oldestUndone, at: now))
        }

        func hide() {
            for meter in [length, lag, pending, oldestPending, oldestUndone] { meter.set(Double.nan) }
        }

        private func age(of id: StreamID?, at now: Timestamp) -> Double {
            guard let id else { return 0 }
            return Double(max(0, now.milliseconds - Int64(clamping: id.milliseconds))) / 1_000
        }
    }

    private let signIns: Gauges
    private let completions: Gauges
    private let letters = Meter(label: "quest_dead_letters")

    init(_ keys: StreamKeys) {
        signIns = Gauges(stream: keys.signIns, group: StreamKeys.progressGroup)
        completions = Gauges(stream: keys.completions, group: StreamKeys.claimsGroup)
        letters.set(Double.nan)
    }

    func show(_ survey: StreamSurvey, at now: Timestamp) {
        signIns.show(survey.signIns, at: now)
        completions.show(survey.completions, at: now)
        letters.set(survey.deadLetters)
    }

    /// Nobody knows: an old number would look like a healthy one.
    func hide() {
        signIns.hide()
        completions.hide()
        letters.set(Double.nan)
    }
}
