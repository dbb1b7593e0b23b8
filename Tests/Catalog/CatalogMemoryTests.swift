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
    private func memory(_ edition: CatalogEdition) -> Kept {
        let kept = Kept(start: start, question: question)
        _ = kept.memory.told(edition, sentAt: start)
        kept.memory.remember(answer, to: question, of: edition)
        return kept
    }

    @Test("An answer counts for 100 ms after its edition was asked for, and is asked for again by one before that")
    func trust() {
        let kept = memory(edition(3))
        #expect(kept.look(after: 39) == "answer")
        #expect(kept.look(after: 40) == "answer, renew")
        #expect(kept.look(after: 99) == "answer")
        #expect(kept.look(after: 100) == "confirm")
        #expect(kept.takeOldest() == .milliseconds(99))
    }

    @Test("A confirmation that was asked for after a request came is good for that request, however slow it was")
    func slowConfirmations() {
        let kept = memory(edition(3))
        #expect(kept.look(after: 400, arrival: 0) == "answer, renew")
        #expect(kept.look(after: 400, arrival: 1) == "confirm")
        #expect(kept.look(after: 400) == "confirm")
        #expect(kept.takeOldest() == .zero)
    }

    @Test("A confirmation of the same edition keeps the answers, another edition forgets them")
    func editions() {
        let third = edition(3)
        let kept = memory(third)
        #expect(kept.told(third, sentAt: start + .milliseconds(500)))
        #expect(kept.look(after: 510) == "answer")
        #expect(kept.told(edition(4), sentAt: start + .milliseconds(520)))
        #expect(kept.look(after: 530) == "load 4")
        // A reader of the edition before comes too late.
        kept.memory.remember(answer, to: question, of: third)
        #expect(kept.look(after: 530) == "load 4")
    }

    @Test("After a change made here nothing below it counts, whoever confirms it")
    func ownWrites() {
        let (third, fifth) = (edition(3), edition(5))
        let kept = memory(third)
        kept.memory.saw(5)
        #expect(kept.look(after: 1) == "confirm")
        #expect(!kept.told(third, sentAt: start + .milliseconds(2)))
        #expect(!kept.told(edition(4), sentAt: start + .milliseconds(2)))
        kept.memory.remember(answer, to: question, of: third)
        #expect(kept.look(after: 3) == "confirm")
        #expect(kept.told(fifth, sentAt: start + .milliseconds(4)))
        #expect(kept.look(after: 5) == "load 5")
    }

    @Test("A restored database may tell a lower revision, but not if this front has changed something meanwhile")
    func restores() {
        let kept = memory(edition(9))
        #expect(!kept.told(edition(7), sentAt: start))
        #expect(kept.told(edition(7), sentAt: start, certainFrom: 9))
        #expect(kept.look(after: 1) == "load 7")
        let before = kept.memory.lowest
        kept.memory.saw(8)
        #expect(!kept.told(edition(7), sentAt: start, certainFrom: before))
    }

    @Test("While the cache is away everything is read through, and one asker in 100 ms tries it")
    func away() {
        let kept = memory(edition(3))
        kept.memory.failed(at: start)
        #expect(kept.look(after: 50) == "read through")
        #expect(kept.look(after: 100) == "read through, try")
        #expect(kept.look(after: 101) == "read through")
        kept.memory.failed(at: start + .milliseconds(150))
        #expect(kept.look(after: 249) == "read through")
        #expect(kept.look(after: 250) == "read through, try")
        // That try came to nothing, and nobody was told: the next one does not wait for it.
        #expect(kept.look(after: 349) == "read through")
        #expect(kept.look(after: 350) == "read through, try")
        #expect(kept.told(edition(3), sentAt: start + .milliseconds(351)))
        #expect(kept.look(after: 360) == "load 3")
    }

    @Test("What does not exist is remembered as well, and nothing is remembered without bound")
    func bounds() {
        let third = edition(3)
        let kept = memory(third)
        for _ in 0..<CatalogMemory.mostUnknown + 10 { kept.memory.remember(nil, to: .quest(.random()), of: third) }
        for limit in 0..<CatalogMemory.mostPages + 10 {
            kept.memory.remember(answer, to: .rewards(after: nil, limit: limit, withRetired: false), of: third)
        }
        // Neither drives out what exists.
        #expect(kept.look(after: 1) == "answer")
        let absent = CatalogQuestion.quest(.random())
        kept.memory.remember(nil, to: absent, of: third)
        #expect(kept.look(absent) == "nothing")
        #expect(kept.memory.size <= CatalogMemory.mostUnknown + CatalogMemory.mostPages + CatalogMemory.mostAnswers)
        #expect(kept.memory.size < 2_000)
    }

    @Test("Whole lists are kept for one edition, as answers are")
    func lists() {
        let third = edition(3)
        let kept = memory(third)
        func list() -> CatalogList<Reward>? { kept.memory.list(of: third) }
        kept.memory.remember(CatalogList<Reward>(revision: 3, items: []), of: edition(3))
        #expect(list() == nil)
        kept.memory.remember(CatalogList<Reward>(revision: 3, items: []), of: third)
        #expect(list()?.revision == 3)
        kept.memory.saw(4)
        #expect(list() == nil)
        #expect(kept.told(edition(4), sentAt: start) && kept.told(third, sentAt: start, certainFrom: 4))
        #expect(list() == nil)
    }

    @Test("Names that only look the same are two names")
    func exactNames() {
        let third = edition(3)
        let kept = memory(third)
        kept.memory.remember(answer, to: .questNamed(ExactText("caf\u{e9}")), of: third)
        #expect(kept.look(.questNamed(ExactText("caf\u{e9}"))) == "answer")
        #expect(kept.look(.questNamed(ExactText("cafe\u{301}"))) == "load 3")
    }
}

/// A memory that tells in words what it does.
private final class Kept {
    var memory = CatalogMemory()
    private let start: ContinuousClock.Instant
    private let question: CatalogQuestion

    init(start: ContinuousClock.Instant, question: CatalogQuestion) {
        self.start = start
        self.question = question
    }

    func look(_ other: CatalogQuestion? = nil, after milliseconds: Int = 1, arrival: Int? = nil) -> String {
        let arrival = arrival.map { start + .milliseconds($0) }
        return switch memory.look(other ?? question, at: start + .milliseconds(milliseconds), arrival: arrival) {
        case .remembered(let answer, let mustRenew):
            "\(answer == nil ? "nothing" : "answer")\(mustRenew ? ", renew" : "")"
        case .load(let edition, _): "load \(edition.revision)"
        case .confirm: "confirm"
        case .readThrough(let mustTry): "read through\(mustTry ? ", try" : "")"
        }
    }

    func told(_ edition: CatalogEdition, sentAt: ContinuousClock.Instant, certainFrom: Int64? = nil) -> Bool {
        memory.told(edition, sentAt: sentAt, certainFrom: certainFrom)
    }

    func takeOldest() -> Duration {
        memory.takeOldest()
    }
}
