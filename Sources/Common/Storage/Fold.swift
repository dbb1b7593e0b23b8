/// The rule of `Progress.count(_:under:)` as SQL, so that a whole batch is folded in the statement that locks the rows.
///
/// It stands here once; the property test of the rule runs it beside the Swift form.
struct Fold {
    /// SQL for the streak and the completions before, for the events to count, and for the quest's two numbers.
    let streak: String
    let duplication: String
    let events: String
    let goal: String
    let limit: String

    /// The streak from which counting starts.
    var start: String { "(CASE WHEN \(duplication) >= \(limit) THEN 0 ELSE LEAST(\(streak), \(goal) - 1) END)" }

    /// The completions made by these events.
    var completions: String {
        "GREATEST(0, LEAST((\(start) + \(events)) / \(goal), \(limit) - \(duplication)))"
    }

    var duplicationAfter: String { "\(duplication) + \(completions)" }

    var isExhaustedAfter: String { "\(duplicationAfter) >= \(limit)" }

    var streakAfter: String {
        "(CASE WHEN \(isExhaustedAfter) THEN 0 ELSE \(start) + \(events) - \(completions) * \(goal) END)"
    }

    var statusAfter: String { "CASE WHEN \(isExhaustedAfter) THEN 1 ELSE 0 END" }

    /// How many of the events counted: all of them until the limit was reached. More never count, so this number says as
    /// much to a later fold as the number of all events would.
    var countedEvents: String { "\(completions) * \(goal) + \(streakAfter) - \(start)" }
}
