import Domain
import Testing

@testable import Catalog

@Suite("What a front remembers of the catalog")
struct CatalogMemoryTests {
    private let start = ContinuousClock.now
    private let question = CatalogQuestion.quest(.random())
    private let answer = CatalogDocument("{}")

    private func edition(_ revision: Int64) -> CatalogEdition { CatalogEdition(revision: revision, id: .random()) }

    /// Knows the answer under an edition that was confirmed at `start`.
    private func memory(_ edition: CatalogEdition) -> CatalogMemory {
        var memory = CatalogMemory()
        _ = memory.told(edition, sentAt: start)
        memory.remember(answer, to: question, of: edition)
        return memory
    }

    private func name(_ look: CatalogMemory.Look) -> String {
        switch look {
        case .remembered(let answer, let mustRenew):
            "\(answer == nil ? "nothing" : "answer")\(mustRenew ? ", renew" : "")"
        case .load(let edition, _): "load \(edition.revision)"
        case .confirm: "confirm"
        case .readThrough(let mustTry): "read through\(mustTry ? ", try" : "")"
        }
    }

    private func look(_ memory: inout CatalogMemory, after milliseconds: Int) -> String {
        name(memory.look(question, at: start + .milliseconds(milliseconds)))
    }

    @Test("An answer counts for 100 ms after its edition was asked for, and is asked for again by one before that")
    func trust() {
        var memory = memory(edition(3))
        #expect(look(&memory, after: 39) == "answer")
        #expect(look(&memory, after: 40) == "answer, renew")
        #expect(look(&memory, after: 99) == "answer")
        #expect(look(&memory, after: 100) == "confirm")
        #expect(memory.takeOldest() == .milliseconds(99))
    }

    @Test("A confirmation of the same edition keeps the answers, another edition forgets them")
    func editions() {
        let third = edition(3)
        var memory = memory(third)
        #expect(memory.told(third, sentAt: start + .milliseconds(500)))
        #expect(look(&memory, after: 510) == "answer")
        #expect(memory.told(edition(4), sentAt: start + .milliseconds(520)))
        #expect(look(&memory, after: 530) == "load 4")
        // A reader of the edition before comes too late.
        memory.remember(answer, to: question, of: third)
        #expect(look(&memory, after: 530) == "load 4")
    }

    @Test("After a change made here nothing below it counts, whoever confirms it")
    func ownWrites() {
        let (third, fifth) = (edition(3), edition(5))
        var memory = memory(third)
        memory.wrote(fifth)
        #expect(look(&memory, after: 1) == "confirm")
        #expect(!memory.told(third, sentAt: start + .milliseconds(2)))
        #expect(!memory.told(edition(4), sentAt: start + .milliseconds(2)))
        memory.remember(answer, to: question, of: third)
        #expect(look(&memory, after: 3) == "confirm")
        #expect(memory.told(fifth, sentAt: start + .milliseconds(4)))
        #expect(look(&memory, after: 5) == "load 5")
    }

    @Test("A restored database may tell a lower revision, but not if this front has changed something meanwhile")
    func restores() {
        var memory = memory(edition(9))
        #expect(!memory.told(edition(7), sentAt: start))
        #expect(memory.told(edition(7), sentAt: start, certainFrom: 9))
        #expect(look(&memory, after: 1) == "load 7")
        let before = memory.lowest
        memory.wrote(edition(8))
        #expect(!memory.told(edition(7), sentAt: start, certainFrom: before))
    }

    @Test("While the cache is away everything is read through, and one asker in 100 ms tries it")
    func away() {
        var memory = memory(edition(3))
        memory.failed(at: start)
        #expect(look(&memory, after: 50) == "read through")
        #expect(look(&memory, after: 100) == "read through, try")
        #expect(look(&memory, after: 101) == "read through")
        memory.failed(at: start + .milliseconds(150))
        #expect(look(&memory, after: 249) == "read through")
        #expect(look(&memory, after: 250) == "read through, try")
        #expect(memory.told(edition(3), sentAt: start + .milliseconds(251)))
        #expect(look(&memory, after: 260) == "load 3")
    }

    @Test("What does not exist is remembered as well, and nothing is remembered without bound")
    func bounds() {
        let third = edition(3)
        var memory = memory(third)
        for _ in 0..<CatalogMemory.mostUnknown + 10 { memory.remember(nil, to: .quest(.random()), of: third) }
        for limit in 0..<CatalogMemory.mostPages + 10 {
            memory.remember(answer, to: .rewards(after: nil, limit: limit, withRetired: false), of: third)
        }
        // Neither drives out what exists.
        #expect(look(&memory, after: 1) == "answer")
        let absent = CatalogQuestion.quest(.random())
        memory.remember(nil, to: absent, of: third)
        #expect(name(memory.look(absent, at: start)) == "nothing")
        #expect(memory.size <= CatalogMemory.mostUnknown + CatalogMemory.mostPages + CatalogMemory.mostAnswers)
        #expect(memory.size < 2_000)
    }

    @Test("Names that only look the same are two names")
    func exactNames() {
        let third = edition(3)
        var memory = memory(third)
        memory.remember(answer, to: .questNamed(ExactText("caf\u{e9}")), of: third)
        #expect(name(memory.look(.questNamed(ExactText("caf\u{e9}")), at: start)) == "answer")
        #expect(name(memory.look(.questNamed(ExactText("cafe\u{301}")), at: start)) == "load 3")
    }
}
