import Domain
import Redis
import Streams

extension SignInEntry {
    /// The fields of an event as a server reads them, in the order in which they are written.
    public static func encode(_ event: SignInEvent) -> [(name: String, value: String)] {
        fields { write(event, to: &$0) }
    }
}

extension CompletionEntry {
    /// The fields of a completion as a server reads them, in the order in which they are written.
    public static func encode(_ completion: Completion) -> [(name: String, value: String)] {
        fields { write(completion, to: &$0) }
    }
}

private func fields(_ write: (inout RedisCommand) -> Void) -> [(name: String, value: String)] {
    var command = RedisCommand("XADD")
    write(&command)
    var bytes: [UInt8] = []
    command.encode(into: &bytes)
    let texts = RedisReply(parsing: bytes)?.elements.dropFirst().map { $0.string ?? "" } ?? []
    return stride(from: 0, to: texts.count - 1, by: 2).map { (name: texts[$0], value: texts[$0 + 1]) }
}
