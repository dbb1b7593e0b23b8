import Domain
import Streams
import Synchronization

/// How much was going on in the last minutes, from the looks that this front takes at the streams anyway.
final class Activity: Sendable {
    /// Seconds between two samples.
    static let interval = 2
    /// Five minutes of them.
    private static let most = 150

    /// Entries that have ever been, at one moment.
    struct Sample: Sendable, Equatable {
        let at: Timestamp
        let generation: String
        let signIns: Int64
        /// Nil while the server cannot tell.
        let done: Int64?
        let completions: Int64
    }

    private let samples = Mutex<[Sample]>([])

    func learn(_ survey: StreamSurvey, at now: Timestamp = .now) {
        let undone = survey.signIns.group.flatMap { group in group.lag.map { $0 + group.pending } }
        learn(
            Sample(
                at: now, generation: survey.generation, signIns: survey.signIns.entriesAdded,
                done: undone.map { survey.signIns.entriesAdded - Int64($0) },
                completions: survey.completions.entriesAdded))
    }

    /// Samples that come sooner than the interval are left out.
    func learn(_ sample: Sample) {
        samples.withLock { samples in
            if let last = samples.last, sample.at.milliseconds - last.at.milliseconds < Int64(Activity.interval) * 900 {
                return
            }
            samples.append(sample)
            if samples.count > Activity.most + 1 { samples.removeFirst() }
        }
    }

    var json: JSON {
        let samples = samples.withLock { $0 }
        func rates(_ value: (Sample) -> Int64?) -> JSON {
            .array(zip(samples, samples.dropFirst()).map { Activity.rate($0, $1, value) })
        }
        return [
            "interval_seconds": JSON(Activity.interval), "until": JSON(samples.last?.at),
            "sign_ins": rates(\.signIns), "events": rates(\.done), "completions": rates(\.completions),
        ]
    }

    /// Per second, to one decimal; null from one life of the streams to the next.
    private static func rate(_ one: Sample, _ two: Sample, _ value: (Sample) -> Int64?) -> JSON {
        guard one.generation == two.generation, let before = value(one), let after = value(two), after >= before,
            two.at > one.at
        else { return .null }
        let seconds = Double(two.at.milliseconds - one.at.milliseconds) / 1_000
        return .number((Double(after - before) / seconds * 10).rounded() / 10)
    }
}
