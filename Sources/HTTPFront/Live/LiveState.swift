import Domain
import Identity
import NIOCore

/// Who watches whom on this front, and what was read last: decisions only, no socket and no database.
struct LiveState {
    struct Viewer {
        let bearer: Bearer
        let person: Identifier
        /// Makes the page's response look for what is to be sent.
        let look: AsyncStream<Void>.Continuation
        var sent: String?
        var isHeartbeatDue = false
        var end: LiveEnd?
    }

    struct Person {
        var viewers: [UInt64] = []
        var snapshot: LiveSnapshot?
        /// Waits to be read.
        var isQueued = false
        /// Has changed, perhaps, since the reading that is under way began.
        var isDirty = false
        var isReading = false
    }

    var viewers: [UInt64: Viewer] = [:]
    var people: [Identifier: Person] = [:]
    private var last: UInt64 = 0

    /// - Returns: the number of the viewer, and whether the person is to be put into the queue.
    mutating func add(
        _ bearer: Bearer, watching person: Identifier, has version: String?, look: AsyncStream<Void>.Continuation,
        most: Int
    ) -> (id: UInt64, mustRead: Bool) {
        last += 1
        viewers[last] = Viewer(bearer: bearer, person: person, look: look, sent: version)
        // Counted by who looks, not by whom they look at: an admin takes nobody's place.
        let own = viewers.filter { $0.value.bearer.userID == bearer.userID && $0.value.end == nil }.keys.sorted()
        for id in own.dropLast(most) { end(id, .replaced) }
        people[person, default: Person()].viewers.append(last)
        return (last, changed(person))
    }

    /// - Returns: what to finish once nobody holds this state any more; nil if the viewer was gone already.
    mutating func remove(_ id: UInt64) -> AsyncStream<Void>.Continuation? {
        guard let viewer = viewers.removeValue(forKey: id) else { return nil }
        people[viewer.person]?.viewers.removeAll { $0 == id }
        if people[viewer.person]?.viewers.isEmpty == true { people[viewer.person] = nil }
        return viewer.look
    }

    /// - Returns: whether the person is to be put into the queue.
    mutating func changed(_ person: Identifier) -> Bool {
        guard var state = people[person], !state.isQueued else { return false }
        defer { people[person] = state }
        if state.isReading {
            state.isDirty = true
            return false
        }
        state.isQueued = true
        return true
    }

    /// - Returns: whether anybody still watches.
    mutating func begin(_ person: Identifier) -> Bool {
        guard people[person] != nil else { return false }
        people[person]?.isQueued = false
        people[person]?.isReading = true
        return true
    }

    /// - Parameter snapshot: nil if it could not be read; the next look tries again.
    /// - Returns: whether the person is to be put into the queue again.
    mutating func finish(_ person: Identifier, _ snapshot: LiveSnapshot?) -> Bool {
        guard var state = people[person] else { return false }
        state.isReading = false
        let mustRepeat = state.isDirty
        state.isDirty = false
        state.isQueued = mustRepeat
        if let snapshot { state.snapshot = snapshot }
        people[person] = state
        for id in state.viewers { viewers[id]?.look.yield() }
        return mustRepeat
    }

    mutating func end(_ id: UInt64, _ end: LiveEnd) {
        guard viewers[id]?.end == nil else { return }
        viewers[id]?.end = end
        viewers[id]?.look.yield()
    }

    enum Next {
        case nothing
        case send(ByteBuffer)
        case last(ByteBuffer)
    }

    /// What a viewer is to be sent now. Only the newest snapshot is ever sent: a slow page skips those between.
    mutating func next(for id: UInt64) -> Next {
        guard var viewer = viewers[id] else { return .last(ByteBuffer()) }
        defer { viewers[id] = viewer }
        if let end = viewer.end { return .last(end.message) }
        if let snapshot = people[viewer.person]?.snapshot, snapshot.version != viewer.sent {
            viewer.sent = snapshot.version
            viewer.isHeartbeatDue = false
            return .send(snapshot.message)
        }
        if viewer.isHeartbeatDue {
            viewer.isHeartbeatDue = false
            return .send(ByteBuffer(string: ":\n\n"))
        }
        return .nothing
    }
}

/// Why a front ends a stream, which pages are told as an event of that name.
enum LiveEnd: String {
    /// The token is no longer good.
    case signedOut = "signed-out"
    /// Newer pages of the same person took its place.
    case replaced
    /// The front stops; the page connects to another one.
    case stopping

    var message: ByteBuffer {
        // Pages of a stopping front do not come back all at once.
        let retry = self == .stopping ? "retry: \(Int.random(in: 250...1_250))\n" : ""
        return ByteBuffer(string: "\(retry)event: \(rawValue)\ndata: {}\n\n")
    }
}
