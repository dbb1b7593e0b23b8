import Domain
import Storage

/// Emitting what follows from the events and has no row.
extension PersonRebuild {
    /// Emits the first `limit` completions of a run that have no row.
    ///
    /// - Parameter reached: up to this number none is looked for.
    /// - Returns: how many were emitted, and the greatest number among them.
    func emit(
        _ run: Expectation.Run, of questID: Identifier, after reached: Int32, atMost limit: Int64
    ) async throws -> (count: Int64, last: Int32?) {
        guard let reward = run.reward else { return (0, nil) }
        let limit = Int(clamping: limit)
        let missing = try await missing(in: run, of: questID, after: reached, atMost: limit)
        guard !missing.isEmpty else { return (0, nil) }
        // All that the revision has left, so only once.
        let causes = try await causes(of: questID, types: run.quest.countedTypes, revision: run.revision)
        let pairs = CauseChoice.pair(missing, with: causes)
        var rest = pairs[...]
        while !rest.isEmpty {
            let some = rest.prefix(Int(PersonRebuild.chunk))
            try await emit(
                some.map { run.completion($0.missing.ordinal, questID, userID, reward, $0.cause) })
            rest = rest.dropFirst(some.count)
        }
        return (Int64(pairs.count), pairs.last?.missing.ordinal)
    }

    /// The first `limit` completions of a run that have no row, by ascending number.
    private func missing(
        in run: Expectation.Run, of questID: Identifier, after reached: Int32, atMost limit: Int
    ) async throws -> [CauseChoice.Missing] {
        var missing: [CauseChoice.Missing] = []
        let last = run.ordinals.upperBound
        guard reached < last else { return [] }
        var start = max(run.ordinals.lowerBound, reached + 1)
        while true {
            let end = start > last - PersonRebuild.chunk ? last : start + PersonRebuild.chunk
            let ids = Dictionary(
                (start...end).map {
                    (Completion.id(userID: userID, questID: questID, ordinal: $0), $0)
                }
            ) { first, _ in first }
            let absent = try await absent(among: Array(ids.keys))
            if !absent.isEmpty {
                let traces = try await traces(of: Array(absent))
                missing += absent.compactMap { id in
                    ids[id].map { ordinal in
                        CauseChoice.Missing(
                            ordinal: ordinal, filledBy: run.filledBy(ordinal), trace: traces[id] ?? CompletionTrace())
                    }
                }.sorted { $0.ordinal < $1.ordinal }
            }
            guard end < last, missing.count < limit else { return Array(missing.prefix(limit)) }
            start = end + 1
        }
    }

    /// So many and one are looked for or written at once.
    private static let chunk: Int32 = 4_999
}

extension Quest {
    /// The types of events that it counts, as events carry them.
    fileprivate var countedTypes: [String] {
        let first = EventType.firstSignIn
        return eventType == first.counted.name ? [eventType, first.name] : [eventType]
    }
}

extension Expectation.Run {
    fileprivate func completion(
        _ ordinal: Int32, _ questID: Identifier, _ userID: Identifier, _ reward: Reward, _ cause: CauseCandidate
    ) -> Completion {
        Completion(
            id: Completion.id(userID: userID, questID: questID, ordinal: ordinal), userID: userID, questID: questID,
            ordinal: ordinal, rewardItem: reward.item, rewardQuantity: reward.quantity, autoClaim: quest.autoClaim,
            catalogRevision: revision, causeID: cause.id, occurredAt: cause.occurredAt)
    }
}
