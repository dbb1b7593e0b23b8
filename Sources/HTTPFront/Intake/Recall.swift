import Domain
import Metrics
import Streams
import Synchronization

/// The sign-ins that this front has published and not yet seen recorded, so that it can publish them again when the
/// streams have forgotten them.
///
/// No event falls between publishing and keeping. Whoever publishes reads `life` first and hands it in with the entries'
/// ids. Let the server forget at F, and let L be when the first survey taken after F is learned here. An event that was
/// added before F is kept either before L, and is owed from L on; or after L, with a life that was read before F and so
/// before L, which L has ended: then it is owed at once. One that was added after F is in the stream; that some of these
/// are published again as well does no harm, for the workers count one event id once.
///
/// In one life an entry's id says whether the group has passed it. A survey that does not continue the one before (a
/// flush, a lost or remade stream, a restart or a failover that may have cost the last entries, a lost generation key)
/// begins another, in which old ids mean nothing. So does the first survey of all.
final class Recall: Sendable {
    struct Life: Equatable, Sendable {
        fileprivate var number = 0
    }

    private struct Kept {
        let entry: StreamID
        let event: SignInEvent
    }

    private struct State {
        var life = Life()
        var survey: StreamSurvey?
        /// About in the order of the stream.
        var kept: [Kept] = []
        /// The last entry of this life that this front has added.
        var newest = StreamID.zero
        var owed: [SignInEvent] = []
    }

    static let defaultLimit = 50_000

    private let limit: Int
    private let state = Mutex(State())
    private let meter = Meter(label: "quest_recall_events")
    private let gaveWay = Counter(label: "quest_recall_dropped_total")

    /// - Parameter limit: how many events are kept at most; beyond, the oldest give way.
    init(limit: Int = Recall.defaultLimit) {
        self.limit = limit
    }

    /// To be read before events are published.
    var life: Life { state.withLock { $0.life } }

    /// The last entry that is known to have been added; to be read before a survey is taken.
    var newest: StreamID { state.withLock { $0.newest } }

    /// How many events are kept or owed.
    var count: Int { state.withLock { $0.kept.count + $0.owed.count } }

    /// Keeps events that are in the stream now.
    ///
    /// - Parameters:
    ///   - entries: the ids of their entries, in the same order.
    ///   - life: as it was before they were published.
    func keep(_ events: [SignInEvent], as entries: [StreamID], since life: Life) {
        let dropped = state.withLock { state in
            guard state.life == life else {
                state.owed += events
                return 0
            }
            state.kept += zip(entries, events).map(Kept.init)
            state.newest = max(state.newest, entries.last ?? .zero)
            return makeRoom(&state)
        }
        if dropped > 0 { gaveWay.increment(by: dropped) }
    }

    /// What is owed stays: it may be lost, and the others probably are not. There is no more of it than was kept or under
    /// way when the streams forgot.
    private func makeRoom(_ state: inout State) -> Int {
        let excess = state.kept.count + state.owed.count - limit
        guard excess > 0 else { return 0 }
        // Some at a time, for all that stay are moved.
        let dropped = min(state.kept.count, max(excess, limit / 16))
        state.kept.removeFirst(dropped)
        return dropped
    }

    /// Forgets what is recorded, or finds that the streams have forgotten: then everything that was kept is owed.
    ///
    /// - Parameter newest: as it was before the survey was taken: an entry that the stream must have seen.
    /// - Returns: how the streams were found to have forgotten; nil too for the first survey, which has nothing to be
    ///   compared with.
    @discardableResult
    func learn(_ survey: StreamSurvey, newest: StreamID = .zero) -> StreamSurvey.Break? {
        let (found, count) = state.withLock { state in
            var found = state.survey.flatMap { survey.breaks(with: $0) }
            if found == nil, survey.signIns.lastID < newest { found = .lostEntries }
            if state.survey != nil, found == nil {
                state.kept.removeAll { survey.signIns.isDone($0.entry) }
                // Gives the memory of a busy time back.
                if state.kept.isEmpty { state.kept = [] }
            } else {
                state.life.number += 1
                state.owed += state.kept.map(\.event)
                state.kept.removeAll()
                state.newest = .zero
            }
            state.survey = survey
            return (found, state.kept.count + state.owed.count)
        }
        meter.set(Int64(count))
        return found
    }

    /// Takes up to `count` events that are to be published again; whoever takes them accepts them anew or puts them back.
    func takeOwed(_ count: Int) -> [SignInEvent] {
        state.withLock { state in
            let events = Array(state.owed.prefix(count))
            state.owed.removeFirst(events.count)
            return events
        }
    }

    func putBack(_ events: [SignInEvent]) {
        state.withLock { $0.owed = events + $0.owed }
    }
}
