import Streams
import Testing

@testable import Workers

@Suite("Entries that may kill their worker")
struct IsolationTests {
    private func entries(_ deliveries: [Int]) -> [StaleEntry] {
        deliveries.enumerated().map { place, count in
            StaleEntry(id: StreamID(milliseconds: UInt64(place + 1), sequence: 0), consumer: "one", deliveries: count)
        }
    }

    @Test("Delivered once or twice, they stay together; then half as many each time, down to one")
    func company() {
        #expect(
            (1...14).map { Isolation.company(after: $0, batch: 2_000) }
                == [2_000, 2_000, 1_000, 500, 250, 125, 62, 31, 15, 7, 3, 1, 1, 1])
        #expect(Isolation.company(after: .max, batch: 10_000) == 1)
        #expect(Isolation.company(after: 3, batch: 1) == 1)
    }

    @Test("Each entry is in one group, in order, in no more company than it may have", arguments: 0..<300)
    func groups(seed: Int) {
        var random = UInt64(seed &+ 1)
        func next() -> Int {
            random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(random >> 40)
        }
        let batch = next() % 40 + 1
        let stale = entries((0..<next() % 200).map { _ in next() % 12 + 1 })
        let groups = Isolation.groups(stale, batch: batch)
        #expect(groups.flatMap(\.self) == stale)
        for group in groups {
            let least = group.map { Isolation.company(after: $0.deliveries, batch: batch) }.min() ?? 1
            #expect((1...least).contains(group.count))
        }
    }

    @Test("Alone by chance is no trial; alone because of its deliveries is one")
    func trial() {
        #expect(!Isolation.isTrial(entries([1]), batch: 100))
        #expect(!Isolation.isTrial(entries([2]), batch: 1))
        #expect(!Isolation.isTrial(entries([4]), batch: 100))
        #expect(Isolation.isTrial(entries([9]), batch: 100))
        #expect(Isolation.isTrial(entries([3]), batch: 1))
        #expect(!Isolation.isTrial(entries([9, 9]), batch: 100))
        #expect(!Isolation.isTrial([], batch: 100))
    }
}
