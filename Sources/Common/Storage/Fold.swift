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
    var start: String { "LEAST(\(streak), \(goal) - 1)" }

    /// The completions made by these events.
    var completions: String {
        "GREATEST(0, LEAST((\(start) + \(events)) / \(goal), \(limit) - \(duplication)))"
    }

    var duplicationAfter: String { "\(duplication) + \(completions)" }

    var isExhaustedAfter: String { "\(duplicationAfter) >= \(limit)" }

    var streakAfter: String {
        "CASE WHEN \(isExhaustedAfter) THEN 0 ELSE \(start) + \(events) - \(completions) * \(goal) END"
    }

    var statusAfter: String { "CASE WHEN \(isExhaustedAfter) THEN 1 ELSE 0 END" }
}
