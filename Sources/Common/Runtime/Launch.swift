import FoundationEssentials
import Glibc
import Logging
import ServiceLifecycle
import UnixSignals

/// How a process ends, as scripts see it.
public enum ExitCode {
    public static let ok: Int32 = 0
    /// It failed, or found differences.
    public static let failure: Int32 = 1
    /// A wrong setting or wrong usage: trying again without a change is pointless.
    public static let usage: Int32 = 64
}

/// Ends `Launch.process` with exit code 1 and no word, after the command itself has said what it found.
public struct Unsuccessful: Error {
    public init() {}
}

/// A process was started in a way that makes no sense.
public struct UsageError: Error, Sendable, CustomStringConvertible {
    public let description: String

    public init(_ description: String) {
        self.description = description
    }
}

/// Starting and stopping a process.
public enum Launch {
    /// How long services may take to finish after SIGTERM or SIGINT before they are cancelled.
    public static let grace = Duration.seconds(8)
    /// After this long the process ends, whatever still hangs.
    public static let patience = Duration.seconds(10)

    /// The process's own.
    public static var environment: [String: String] { ProcessInfo.processInfo.environment }

    /// What has to be done once before anything else: a peer that closes its socket must not kill the process.
    public static func prepare() {
        signal(SIGPIPE, SIG_IGN)
    }

    /// Runs `services` until one of them ends or SIGTERM or SIGINT arrives. Then they are told to finish, in reverse order,
    /// are cancelled after `grace`, and the process ends by force after `patience`.
    ///
    /// - Parameter draining: how long one of them goes on working on purpose after the order to stop; both times begin then.
    /// - Throws: the error of the first service that failed.
    public static func run(_ services: [any Service], draining: Duration = .zero, logger: Logger) async throws {
        prepare()
        var configuration = ServiceGroupConfiguration(
            services: services.map { service in
                ServiceGroupConfiguration.ServiceConfiguration(
                    service: service, successTerminationBehavior: .gracefullyShutdownGroup,
                    failureTerminationBehavior: .gracefullyShutdownGroup,
                    serviceName: String(describing: type(of: service)))
            } + [
                ServiceGroupConfiguration.ServiceConfiguration(
                    service: Watchdog(patience: draining + patience, logger: logger),
                    successTerminationBehavior: .ignore, serviceName: "Watchdog"),
                ServiceGroupConfiguration.ServiceConfiguration(
                    service: HeapTrimmer(), successTerminationBehavior: .ignore, serviceName: "HeapTrimmer"),
            ],
            gracefulShutdownSignals: [.sigterm, .sigint],
            // The group's own lines about each service are for its developers.
            logger: quiet(logger))
        configuration.maximumGracefulShutdownDuration = draining + grace
        try await ServiceGroup(configuration: configuration).run()
        logger.info("stopped")
    }

    /// Runs `body` and ends the process: 0, or 64 with every wrong setting or the wrong usage named on standard error, or
    /// 1 with the error.
    public static func process(_ body: () async throws -> Void) async -> Never {
        prepare()
        do {
            try await body()
            exit(ExitCode.ok)
        } catch let error as SettingsError {
            LineHandler.standardError("\(error)\n")
            exit(ExitCode.usage)
        } catch let error as UsageError {
            LineHandler.standardError("\(error)\n")
            exit(ExitCode.usage)
        } catch is CancellationError {
            exit(ExitCode.ok)
        } catch is Unsuccessful {
            exit(ExitCode.failure)
        } catch {
            LineHandler.standardError("failed: \(error)\n")
            exit(ExitCode.failure)
        }
    }

    private static func quiet(_ logger: Logger) -> Logger {
        var quiet = logger
        quiet.logLevel = max(.error, logger.logLevel)
        return quiet
    }
}

/// Ends a process that does not end by itself.
private struct Watchdog: Service {
    let patience: Duration
    let logger: Logger

    func run() async throws {
        try? await gracefulShutdown()
        logger.info("stopping")
        // Outlives this service on purpose: it is there for the case that the others do not end.
        Task.detached { [patience, logger] in
            try await Task.sleep(for: patience)
            logger.error("did not stop within \(patience.inWords), ending now")
            _exit(ExitCode.failure)
        }
    }
}
