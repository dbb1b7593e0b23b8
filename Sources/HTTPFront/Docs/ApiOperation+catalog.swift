import HTTPTypes

/// Quests and rewards.
extension ApiOperation {
    static let catalog = [
        ApiOperation(
            method: .get, path: "/quests", summary: "Lists active quests by name", audience: .everybody, status: 200,
            answer: .list(of: .quest), query: paging, failures: [304]),
        ApiOperation(
            method: .get, path: "/quests/{quest_id}", summary: "Reads a quest", audience: .everybody, status: 200,
            answer: .quest, failures: [304]),
        ApiOperation(
            method: .get, path: "/quests/name/{name}", summary: "Reads a quest by its name", audience: .everybody,
            status: 200, answer: .quest, failures: [304]),
        ApiOperation(
            method: .get, path: "/rewards", summary: "Lists rewards by name", audience: .everybody, status: 200,
            answer: .list(of: .reward), query: paging, failures: [304]),
        ApiOperation(
            method: .get, path: "/rewards/{reward_id}", summary: "Reads a reward", audience: .everybody, status: 200,
            answer: .reward, failures: [304]),
    ]
}
