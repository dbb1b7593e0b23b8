import Testing

@testable import Workers

@Suite("The decisions of a batch")
struct BatchMachineTests {
    @Test("Apply, then acknowledge, then done")
    func plain() {
        var machine = BatchMachine(count: 3)
        #expect(machine.next == .perform(.apply(0..<3)))
        machine.succeeded()
        #expect(machine.next == .perform(.acknowledge([0, 1, 2])))
        machine.succeeded()
        #expect(machine.next == .finished)
    }

    @Test("Nothing is acknowledged while the database is away")
    func outage() {
        var machine = BatchMachine(count: 2)
        for _ in 0..<5 {
            #expect(machine.next == .perform(.apply(0..<2)))
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
        var machine = BatchMachine(count: 4, malformed: [2: "bad", 3: "worse"])
        #expect(machine.next == .perform(.bury(2, reason: "bad")))
        machine.succeeded()
        #expect(machine.next == .perform(.bury(3, reason: "worse")))
        machine.succeeded()
        #expect(machine.next == .perform(.apply(0..<2)))
    }

    @Test("A refused item is buried and left out of the acknowledgement")
    func refused() {
        var machine = BatchMachine(count: 3)
        machine.succeeded(refusing: [1: "event-id-conflict"])
        #expect(machine.next == .perform(.bury(1, reason: "event-id-conflict")))
        machine.succeeded()
        #expect(machine.next == .perform(.acknowledge([0, 2])))
    }

    @Test(
        "Bad items are found by halving: each is buried, all others applied once, at bounded cost", arguments: 0..<200)
    func halving(seed: Int) {
        let count = seed % 64 + 1
        let bad = Set((0..<count).filter { ($0 &* 2_654_435_761 &+ seed &* 40_503) % 7 == 0 })
        var machine = BatchMachine(count: count)
        var applied: [Int] = []
        var buried: [Int] = []
        var acknowledged: [Int] = []
        var transactions = 0
        loop: while true {
            switch machine.next {
            case .finished: break loop
            case .wait: machine.waited()
            case .perform(.apply(let range)):
                transactions += 1
                if bad.isDisjoint(with: range) {
                    applied += range
                    machine.succeeded()
                } else {
                    machine.rejected("22003")
                }
            case .perform(.bury(let index, _)):
                buried.append(index)
                machine.succeeded()
            case .perform(.acknowledge(let indices)):
                acknowledged += indices
                machine.succeeded()
            }
        }
        #expect(Set(buried) == bad && buried.count == bad.count)
        #expect(applied == (0..<count).filter { !bad.contains($0) })
        #expect(acknowledged == applied)
        let levels = Int.bitWidth - (count - 1).leadingZeroBitCount
        #expect(transactions <= 1 + 2 * bad.count * max(1, levels))
    }
}
