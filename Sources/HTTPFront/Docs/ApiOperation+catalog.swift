import HTTPTypes

/// Quests and rewards.
extension ApiOperation {
    static let catalog = [
        ApiOperation(
            method: .get, path: "/quests", summary: "Lists quests by name, active ones if not asked for more",
            audience: .everybody, status: 200, answer: .list(of: .quest),
            query: paging + [
                .query("event_type", "only quests that count this type", ApiSchema.eventType),
                .query("include", "for those too", ["const": "retired"]),
            ], failures: [304]),
        ApiOperation(
            method: .get, path: "/quests/{quest_id}", summary: "Reads a quest, retired or not", audience: .everybody,
            status: 200, answer: .quest, failures: [304]),
        ApiOperation(
            method: .get, path: "/quests/name/{name}", summary: "Reads a quest by its name", audience: .everybody,
            status: 200, answer: .quest, failures: [304]),
        ApiOperation(
            method: .post, path: "/quests", summary: "Makes a quest", audience: .admin, status: 201, answer: .quest,
            body: .newQuest, failures: [409], isTagged: true),
        ApiOperation(
            method: .patch, path: "/quests/{quest_id}",
            summary: "Changes what is named; what was completed before stays as it is. Needs If-Match",
            audience: .admin,
            status: 200, answer: .quest, body: .questChange, failures: [409, 412, 428]),
        ApiOperation(
            method: .delete, path: "/quests/{quest_id}",
            summary: "Retires a quest: it stays readable and counts nothing any more. Needs If-Match", audience: .admin,
            status: 204, failures: [412, 428]),
        ApiOperation(
            method: .get, path: "/rewards", summary: "Lists rewards by name, active ones if not asked for more",
            audience: .everybody, status: 200, answer: .list(of: .reward),
            query: paging + [.query("include", "for those too", ["const": "retired"])], failures: [304]),
        ApiOperation(
            method: .get, path: "/rewards/{reward_id}", summary: "Reads a reward, retired or not",
            audience: .everybody, status: 200, answer: .reward, failures: [304]),
        ApiOperation(
            method: .post, path: "/rewards", summary: "Makes a reward", audience: .admin, status: 201, answer: .reward,
            body: .newReward, failures: [409], isTagged: true),
        ApiOperation(
            method: .patch, path: "/rewards/{reward_id}",
            summary: "Changes what is named; what was completed before stays as it is. Needs If-Match",
            audience: .admin,
            status: 200, answer: .reward, body: .rewardChange, failures: [409, 412, 428]),
        ApiOperation(
            method: .delete, path: "/rewards/{reward_id}",
            summary: "Retires a reward that no active quest pays. Needs If-Match", audience: .admin, status: 204,
            failures: [409, 412, 428]),
    ]
}
