import HTTPTypes
import Hummingbird
import Metrics
import Synchronization

/// Counts requests and times them, by route, method and status.
///
/// Hummingbird's own middleware does so after the last byte was written, for which it takes every body apart into three
/// writes to the socket. Here only bodies of unknown length are followed to their end.
struct RequestMetrics: RouterMiddleware {
    typealias Context = FrontContext

    private struct Kind: Hashable {
        let route: String
        let method: HTTPRequest.Method
        let status: Int
    }

    private struct Series {
        let count: Counter
        let duration: Metrics.Timer
    }

    private final class Store: Sendable {
        let active = Mutex<[HTTPRequest.Method: Meter]>([:])
        let done = Mutex<[Kind: Series]>([:])
    }

    private static let other = HTTPRequest.Method(rawValue: "OTHER") ?? .options
    private let store = Store()

    func handle(
        _ request: Request, context: FrontContext, next: (Request, FrontContext) async throws -> Response
    ) async throws -> Response {
        let start = ContinuousClock.now
        // Clients may call a method anything, and every name would be a series.
        let method = Routes.all.contains(request.method) ? request.method : RequestMetrics.other
        let active = active(method)
        active.increment()
        var response: Response
        do {
            response = try await next(request, context)
        } catch {
            active.decrement()
            throw error
        }
        let (route, status) = (context.endpointPath ?? "Unknown", response.status.code)
        guard response.body.contentLength == nil else {
            finish(Kind(route: route, method: method, status: status), active, since: start)
            return response
        }
        let body = response.body
        response.body = ResponseBody { [self] writer in
            defer { finish(Kind(route: route, method: method, status: status), active, since: start) }
            try await body.write(writer)
        }
        return response
    }

    private func finish(_ kind: Kind, _ active: Meter, since start: ContinuousClock.Instant) {
        let series = store.done.withLock { done in
            if let series = done[kind] { return series }
            let labels = [
                ("http.route", kind.route), ("http.request.method", kind.method.rawValue),
                ("http.response.status_code", String(kind.status)),
            ]
            let series = Series(
                count: Counter(label: "http.server.requests", dimensions: labels),
                duration: Metrics.Timer(
                    label: "http.server.request.duration", dimensions: labels, preferredDisplayUnit: .seconds))
            done[kind] = series
            return series
        }
        series.count.increment()
        series.duration.record(duration: .now - start)
        active.decrement()
    }

    private func active(_ method: HTTPRequest.Method) -> Meter {
        store.active.withLock { active in
            if let meter = active[method] { return meter }
            let meter = Meter(
                label: "http.server.active_requests", dimensions: [("http.request.method", method.rawValue)])
            active[method] = meter
            return meter
        }
    }
}
