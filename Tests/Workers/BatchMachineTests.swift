import Testing

@testable import Workers

@Suite("The decisions of a batch")
struct BatchMachineTests {
    @Test("Apply, then acknowledge, then done")
    func plain() {
        var machine = BatchMachine(count: 3)
        #expect(machine.next == .perform(.apply([0, 1, 2])))
        machine.succeeded()
        #expect(machine.next == .perform(.acknowledge([0, 1, 2])))
        machine.succeeded()
        #expect(machine.next == .finished)
    }

    @Test("Nothing is acknowledged while the database is away")
    func outage() {
        var machine = BatchMachine(count: 2)
        for _ in 0..<5 {
            #expect(machine.next == .perform(.apply([0, 1])))
            machine.unavailable()
            #expect(machine.next == .wait)
            machine.waited()
        }
        machine.succeeded()
        machine.unavailable()
        machine.waited()
        #expect(machine.next == .perform(.acknowledge([0, 1])))
    }

    @Test("Malformed entries are buried first and do not wait for the database")
    func malformed() {
        var machine = BatchMachine(count: 4, malformed: [2: "worse", 0: "bad"])
        #expect(machine.next == .perform(.bury([.init(item: 0, reason: "bad"), .init(item: 2, reason: "worse")])))
        machine.succeeded()
        #expect(machine.next == .perform(.apply([1, 3])))
    }

    @Test("Nothing but malformed entries are buried, and that is all")
    func onlyMalformed() {
        var machine = BatchMachine(count: 1, malformed: [0: "bad"])
        #expect(machine.next == .perform(.bury([.init(item: 0, reason: "bad")])))
        machine.unavailable()
        machine.waited()
        #expect(machine.next == .perform(.bury([.init(item: 0, reason: "bad")])))
        machine.succeeded()
        #expect(machine.next == .finished)
    }

    @Test("A refused item is buried and left out of the acknowledgement")
    func refused() {
        var machine = BatchMachine(count: 3)
        machine.succeeded(refusing: [1: "event-id-conflict"])
        #expect(machine.next == .perform(.bury([.init(item: 1, reason: "event-id-conflict")])))
        machine.succeeded()
        #expect(machine.next == .perform(.acknowledge([0, 2])))
    }

    /// Carries out what a machine asks for, against a database that refuses some items.
    private struct Run {
        var applied: [Int] = []
        var buried: [Int] = []
        var acknowledged: [Int] = []
        var transactions = 0

        /// - Parameter namesTheFirst: whether the database tells which item it met first, in the order of `keys`.
        init(count: Int, bad: Set<Int>, keys: [Int]? = nil, unavailable: (Int) -> Bool = { _ in false }) {
            var machine = BatchMachine(count: count)
            var steps = 0
            while machine.next != .finished {
                steps += 1
                guard case .perform(let step) = machine.next else {
                    machine.waited()
                    continue
                }
                if unavailable(steps) {
                    machine.unavailable()
                    continue
                }
                switch step {
                case .apply(let items):
                    transactions += 1
                    guard let first = items.filter(bad.contains).min(by: { Run.key($0, keys) < Run.key($1, keys) })
                    else {
                        applied += items
                        machine.succeeded()
                        continue
                    }
                    let before = items.filter { Run.key($0, keys) < Run.key(first, keys) }
                    machine.rejected(
                        "22003", suspecting: keys == nil ? nil : .init(item: first, before: Set(before)))
                case .bury(let burials):
                    buried += burials.map(\.item)
                    machine.succeeded()
                case .acknowledge(let items):
                    acknowledged += items
                    machine.succeeded()
                }
            }
        }

        private static func key(_ item: Int, _ keys: [Int]?) -> Int { keys?[item] ?? item }
    }

    private func sample(_ seed: Int) -> (count: Int, bad: Set<Int>) {
        let count = seed % 64 + 1
        return (count, Set((0..<count).filter { ($0 &* 2_654_435_761 &+ seed &* 40_503) % 7 == 0 }))
    }

    @Test(
        "Bad items are found by halving: each buried once, all others applied once, at bounded cost", arguments: 0..<200
    )
    func halving(seed: Int) {
        let (count, bad) = sample(seed)
        let run = Run(count: count, bad: bad, unavailable: { $0 % 5 == seed % 9 })
        #expect(run.buried.sorted() == bad.sorted())
        #expect(run.applied == (0..<count).filter { !bad.contains($0) })
        #expect(run.acknowledged == run.applied)
        let levels = Int.bitWidth - (count - 1).leadingZeroBitCount
        #expect(run.transactions <= 1 + 2 * bad.count * max(1, levels))
    }

    @Test("Named by the database, each bad item costs two transactions more", arguments: 0..<200)
    func suspicion(seed: Int) {
        let (count, bad) = sample(seed)
        // The database meets the items in an order of its own.
        let keys = (0..<count).map { ($0 &* 7_919 &+ seed) % 10_007 }
        let run = Run(count: count, bad: bad, keys: keys)
        #expect(run.buried.sorted() == bad.sorted())
        #expect(run.applied.sorted() == (0..<count).filter { !bad.contains($0) })
        #expect(run.acknowledged.sorted() == run.applied.sorted())
        #expect(run.transactions <= 2 + 2 * bad.count)
    }

    @Test("A suspicion against somebody else is not believed: halving goes on")
    func wrongSuspicion() {
        var machine = BatchMachine(count: 4)
        machine.rejected("23514", suspecting: .init(item: 9, before: [0, 1]))
        #expect(machine.next == .perform(.apply([0, 1])))
        // Even one that is named wrongly is only tried alone.
        machine.rejected("23514", suspecting: .init(item: 1, before: [0]))
        #expect(machine.next == .perform(.apply([1])))
        machine.succeeded()
        #expect(machine.next == .perform(.apply([2, 3])))
        machine.succeeded()
        // Those that seemed sound come last, and may be refused like any others.
        #expect(machine.next == .perform(.apply([0])))
        machine.rejected("23505")
        #expect(machine.next == .perform(.bury([.init(item: 0, reason: "23505")])))
        machine.succeeded()
        #expect(machine.next == .perform(.acknowledge([1, 2, 3])))
    }
}
