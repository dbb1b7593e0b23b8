import CLibPQ
import Glibc
import Reactor

/// One libpq connection in non-blocking pipeline mode.
///
/// Used by one task at a time, which the pool's lease sees to. After any doubt about what the server is still going to
/// send (a timeout, a cancellation, a lost connection) it is broken and must not be used again.
@safe final class PostgresConnection: @unchecked Sendable {
    let pointer: OpaquePointer
    private let descriptor: Int32
    let configuration: PostgresConfiguration
    private var prepared: [String: String] = [:]
    private var preparedCount = 0
    private(set) var isBroken = false

    /// Threads of its own: a database that does not answer must not hold up connecting to anything else.
    private static let connecting = BlockingCalls(threads: 4, queue: 1_000)

    /// Connects on a thread that may block. The session is as the server gives it until `setUp`.
    static func connect(_ configuration: PostgresConfiguration) async throws -> PostgresConnection {
        try await connecting.run { try PostgresConnection(configuration) }
    }

    private init(_ configuration: PostgresConfiguration) throws {
        let seconds = max(1, configuration.connectTimeout.components.seconds)
        let settings = [
            ("connect_timeout", "\(seconds)"), ("application_name", configuration.applicationName),
            ("keepalives_idle", "15"), ("keepalives_interval", "5"), ("keepalives_count", "3"),
            ("tcp_user_timeout", "\(configuration.answerTimeout.wholeMilliseconds)"), ("dbname", configuration.url),
        ]
        // libpq reads the list in order and lets the expanded URL, last, override what it names itself.
        var keywords = unsafe settings.map { unsafe UnsafePointer<CChar>(strdup($0.0)) }
        var values = unsafe settings.map { unsafe UnsafePointer<CChar>(strdup($0.1)) }
        unsafe keywords.append(nil)
        unsafe values.append(nil)
        defer {
            for index in 0...settings.count {
                unsafe free(UnsafeMutablePointer(mutating: keywords[index]))
                unsafe free(UnsafeMutablePointer(mutating: values[index]))
            }
        }
        guard let pointer = unsafe PQconnectdbParams(keywords, values, 1) else {
            throw PostgresError(.connection, operation: "connect", message: "out of memory")
        }
        unsafe self.pointer = unsafe pointer
        self.configuration = configuration
        descriptor = unsafe PQsocket(pointer)
        guard unsafe PQstatus(pointer) == CONNECTION_OK else {
            // A class with all its properties set runs deinit, which frees the connection.
            throw unsafe PostgresConnection.lost(pointer, operation: "connect", outcomeIsUnknown: false)
        }
        // Notices would be written to standard error, in no format of ours.
        unsafe PQsetNoticeProcessor(pointer, { _, _ in }, nil)
        guard unsafe PQsetnonblocking(pointer, 1) == 0, unsafe PQenterPipelineMode(pointer) == 1 else {
            throw unsafe PostgresConnection.lost(pointer, operation: "connect", outcomeIsUnknown: false)
        }
    }

    deinit {
        Reactor.shared.forget(descriptor)
        unsafe PQfinish(pointer)
    }

    /// Whether it may be lent: an idle connection that has something to read was closed by the server.
    var isUsable: Bool {
        guard !isBroken, unsafe PQstatus(pointer) == CONNECTION_OK else { return false }
        var poller = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return unsafe poll(&poller, 1, 0) == 0
    }

    /// Sends all statements in one go and returns their results in order, in one round trip.
    ///
    /// A statement that fails takes the later ones with it; the first failure is thrown. Each text is prepared on its
    /// first use.
    func run(_ statements: [SQL], operation: String) async throws -> [PostgresResult] {
        try await run(transactions: [statements], operation: operation)[0].get()
    }

    /// Sends several such transactions in one go; one that fails takes none of the others with it.
    ///
    /// Those that wait for an answer when the connection is lost all get the same error.
    ///
    /// - Parameter transactions: of several, each statement is one that `knows`.
    /// - Returns: what became of each.
    func run(
        transactions: [[SQL]], operation: String
    ) async -> [Result<[PostgresResult], PostgresError>] {
        var outcomes: [Result<[PostgresResult], PostgresError>] = []
        do {
            let fresh = try transactions.map { try send($0, operation: operation) }
            try await flush(before: .now + configuration.answerTimeout, operation: operation)
            for (statements, fresh) in zip(transactions, fresh) {
                let deadline = ContinuousClock.now + configuration.answerTimeout
                outcomes.append(try await receive(statements, fresh: fresh, before: deadline, operation: operation))
            }
        } catch {
            let loss = (error as? PostgresError) ?? giveUp(error as? WaitError ?? .closed, operation: operation)
            while outcomes.count < transactions.count { outcomes.append(.failure(loss)) }
        }
        return outcomes
    }

    /// Whether these statements are prepared already.
    func knows(_ statements: [SQL]) -> Bool { statements.allSatisfy { prepared[$0.text] != nil } }

    /// Runs a text of several statements without parameters, outside of pipeline mode.
    ///
    /// - Returns: the last statement's result, in text form.
    func execute(
        script: String, operation: String, within limit: Duration = .seconds(600)
    ) async throws -> ResultHandle? {
        let deadline = ContinuousClock.now + limit
        guard unsafe PQexitPipelineMode(pointer) == 1, unsafe PQsendQuery(pointer, script) == 1 else {
            throw lose(operation: operation)
        }
        do {
            try await flush(before: deadline, operation: operation)
            var failure: PostgresError?
            var last: ResultHandle?
            while let result = try await next(before: deadline, operation: operation) {
                failure = failure ?? PostgresConnection.failure(of: result, operation: operation)
                last = result
            }
            if let failure {
                // The script may have left a transaction open.
                isBroken = true
                throw failure
            }
            guard unsafe PQenterPipelineMode(pointer) == 1 else { throw lose(operation: operation) }
            return last
        } catch let error as WaitError {
            throw giveUp(error, operation: operation)
        }
    }

    // MARK: Sending

    /// - Returns: for each statement whether it is being prepared in this round trip.
    private func send(_ statements: [SQL], operation: String) throws -> [Bool] {
        var fresh: [Bool] = []
        for statement in statements {
            let (name, isFresh) = name(of: statement)
            fresh.append(isFresh)
            if isFresh {
                let types = statement.parameters.map(\.oid)
                guard unsafe PQsendPrepare(pointer, name, statement.text, Int32(types.count), types) == 1 else {
                    throw lose(operation: operation)
                }
            }
            try bind(statement, to: name, operation: operation)
        }
        guard unsafe PQpipelineSync(pointer) == 1 else { throw lose(operation: operation) }
        return fresh
    }

    private func name(of statement: SQL) -> (String, isFresh: Bool) {
        if let name = prepared[statement.text] { return (name, false) }
        preparedCount += 1
        let name = "q\(preparedCount)"
        prepared[statement.text] = name
        return (name, true)
    }

    private func bind(_ statement: SQL, to name: String, operation: String) throws {
        var memory: [UInt8] = []
        memory.reserveCapacity(statement.parameters.reduce(1) { $0 + ($1.bytes?.count ?? 0) })
        var places: [Int?] = []
        for parameter in statement.parameters {
            places.append(parameter.bytes == nil ? nil : memory.count)
            if let bytes = parameter.bytes { memory.append(contentsOf: bytes) }
        }
        // An empty value still needs an address that is not null.
        memory.append(0)
        let lengths = statement.parameters.map { Int32(truncatingIfNeeded: $0.bytes?.count ?? 0) }
        let formats = [Int32](repeating: 1, count: places.count)
        let sent = unsafe memory.withUnsafeBytes { memory in
            let base = unsafe memory.baseAddress?.assumingMemoryBound(to: CChar.self)
            let values = unsafe places.map { place -> UnsafePointer<CChar>? in
                guard let place, let base = unsafe base else { return nil }
                return unsafe base + place
            }
            return unsafe PQsendQueryPrepared(pointer, name, Int32(values.count), values, lengths, formats, 1)
        }
        guard sent == 1 else { throw lose(operation: operation) }
    }

    private func flush(before deadline: ContinuousClock.Instant, operation: String) async throws {
        while true {
            switch unsafe PQflush(pointer) {
            case 0: return
            case 1:
                // The server may be waiting for us to read before it reads on.
                try await Reactor.shared.ready(descriptor, for: .either, before: deadline)
                guard unsafe PQconsumeInput(pointer) == 1 else { throw lose(operation: operation) }
            default: throw lose(operation: operation)
            }
        }
    }

    // MARK: Receiving

    /// - Returns: the results, or the first failure that the server tells of.
    /// - Throws: when the connection is not to be used any more.
    private func receive(
        _ statements: [SQL], fresh: [Bool], before deadline: ContinuousClock.Instant, operation: String
    ) async throws -> Result<[PostgresResult], PostgresError> {
        var results: [PostgresResult] = []
        var failure: PostgresError?
        for (statement, isFresh) in zip(statements, fresh) {
            if isFresh {
                let answer = try await last(before: deadline, operation: operation)
                if PostgresConnection.failure(of: answer, operation: operation) != nil || failure != nil {
                    prepared[statement.text] = nil
                }
                failure = failure ?? PostgresConnection.failure(of: answer, operation: operation)
            }
            let answer = try await last(before: deadline, operation: operation)
            failure = failure ?? PostgresConnection.failure(of: answer, operation: operation)
            if failure == nil { results.append(PostgresResult(answer)) }
        }
        let refusal = try await sync(before: deadline, operation: operation)
        failure = failure ?? refusal.flatMap { PostgresConnection.failure(of: $0, operation: operation) }
        return failure.map { .failure($0) } ?? .success(results)
    }

    /// Reads up to the server's answer to the Sync.
    ///
    /// - Returns: its refusal to commit what was done, for constraints may be deferred until then.
    private func sync(before deadline: ContinuousClock.Instant, operation: String) async throws -> ResultHandle? {
        var refusal: ResultHandle?
        var isEnded = false
        while true {
            let answer = try await next(before: deadline, operation: operation)
            switch answer.map({ unsafe PQresultStatus($0.pointer) }) {
            case PGRES_PIPELINE_SYNC?: return refusal
            // A lost connection looks the same, but no answer to the Sync comes after it.
            case PGRES_FATAL_ERROR? where refusal == nil: refusal = answer
            // The end of the refusal's results.
            case nil where refusal != nil && !isEnded: isEnded = true
            default: throw lose(operation: operation, refusal)
            }
        }
    }

    /// The last result before the null that ends a statement's results.
    private func last(before deadline: ContinuousClock.Instant, operation: String) async throws -> ResultHandle {
        var last: ResultHandle?
        while let result = try await next(before: deadline, operation: operation) {
            last = result
            if unsafe PQstatus(pointer) != CONNECTION_OK { throw lose(operation: operation, result) }
        }
        guard let last else { throw lose(operation: operation) }
        return last
    }

    private func next(before deadline: ContinuousClock.Instant, operation: String) async throws -> ResultHandle? {
        while unsafe PQisBusy(pointer) == 1 {
            try await Reactor.shared.ready(descriptor, for: .readable, before: deadline)
            guard unsafe PQconsumeInput(pointer) == 1 else { throw lose(operation: operation) }
        }
        return unsafe PQgetResult(pointer).map { unsafe ResultHandle($0) }
    }

    // MARK: Failing

    private static func failure(of result: ResultHandle, operation: String) -> PostgresError? {
        switch unsafe PQresultStatus(result.pointer) {
        case PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_EMPTY_QUERY: nil
        default:
            SessionCheck.explain(
                PostgresError(
                    .server, operation: operation, message: text(of: result, diag_message) ?? "",
                    sqlState: text(of: result, diag_sqlstate), constraint: text(of: result, diag_constraint),
                    detail: text(of: result, diag_detail)))
        }
    }

    private static func text(of result: ResultHandle, _ field: Int32) -> String? {
        unsafe PQresultErrorField(result.pointer, field).map { unsafe String(cString: $0) }
    }

    /// The connection is gone, or libpq and we no longer agree on what is to come.
    private func lose(operation: String, _ result: ResultHandle? = nil) -> PostgresError {
        isBroken = true
        let last = result.flatMap { PostgresConnection.text(of: $0, diag_sqlstate) }
        return unsafe PostgresConnection.lost(pointer, operation: operation, outcomeIsUnknown: true, sqlState: last)
    }

    private static func lost(
        _ pointer: OpaquePointer, operation: String, outcomeIsUnknown: Bool, sqlState: String? = nil
    ) -> PostgresError {
        let text = unsafe String(cString: PQerrorMessage(pointer))
        let message = text.split(separator: "\n").first.map(String.init) ?? "connection lost"
        return PostgresError(
            .connection, operation: operation, message: message, sqlState: sqlState, outcomeIsUnknown: outcomeIsUnknown)
    }

    private func giveUp(_ error: WaitError, operation: String) -> PostgresError {
        isBroken = true
        switch error {
        case .cancelled: return PostgresError(.cancelled, operation: operation, outcomeIsUnknown: true)
        case .deadline: return PostgresError(.timeout, operation: operation, outcomeIsUnknown: true)
        case .closed, .system:
            return PostgresError(
                .connection, operation: operation, message: "the socket cannot be waited for", outcomeIsUnknown: true)
        }
    }
}
