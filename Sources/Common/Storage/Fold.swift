/// The rule of `Progress.count(_:under:)` as SQL, so that a whole batch is folded in the statement that locks the rows.
///
/// It stands here once; the property test of the rule runs it beside the Swift form. The server sets every operator up anew
/// for each statement, so the expressions are as short as they can be.
struct Fold {
    /// The streak from which counting starts.
    let start: String
    /// The completions made by these events.
    let completions: String
    let duplicationAfter: String
    private let events: String
    private let goal: String
    /// What the streak and the events would come to, were there no limit.
    private let total: String
    /// The completions that there is room for; below 0 where a catalog change has lowered the limit.
    private let room: String
    /// The events that there is room for.
    private let counting: String

    /// - Parameters: SQL for the streak and the completions before, for the events to count, and for the quest's two numbers.
    init(streak: String, duplication: String, events: String, goal: String, limit: String) {
        self.events = events
        self.goal = goal
        let held = "LEAST(\(streak), \(goal) - 1)"
        total = "(\(held) + \(events))"
        room = "(\(limit) - \(duplication))"
        start = "CASE WHEN \(duplication) >= \(limit) THEN 0 ELSE \(held) END"
        completions = "GREATEST(0, LEAST(\(total) / \(goal), \(room)))"
        duplicationAfter = "GREATEST(\(duplication), LEAST(\(duplication) + \(total) / \(goal), \(limit)))"
        counting = "GREATEST(0, GREATEST(0, \(room)) * \(goal) - \(held))"
    }

    /// The same for whom nothing was counted before.
    init(events: String, goal: String, limit: String) {
        self.events = events
        self.goal = goal
        total = events
        room = limit
        start = "0"
        completions = "LEAST(\(events) / \(goal), \(limit))"
        duplicationAfter = completions
        counting = "\(limit) * \(goal)"
    }

    private var isExhaustedAfter: String { "\(total) / \(goal) >= \(room)" }

    var streakAfter: String { "CASE WHEN \(isExhaustedAfter) THEN 0 ELSE \(total) % \(goal) END" }

    var statusAfter: String { "CASE WHEN \(isExhaustedAfter) THEN 1 ELSE 0 END" }

    /// How many of the events counted: all of them until the limit was reached. More never count, so this number says as
    /// much to a later fold as the number of all events would.
    var countedEvents: String { "CASE WHEN \(isExhaustedAfter) THEN \(counting) ELSE \(events) END" }
}
