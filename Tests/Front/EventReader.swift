import Foundation
import FoundationNetworking
import Synchronization

@testable import HTTPFront

/// Reads Server-Sent Events as a browser does, without coming back by itself.
final class EventReader: NSObject, URLSessionDataDelegate, Sendable {
    struct Event: Equatable, Sendable {
        var id: String?
        var name = ""
        var data = ""

        var json: JSON { (try? JSONParser.parse(Array(data.utf8))) ?? .null }
    }

    private struct State {
        var text = ""
        var events: [Event] = []
        var status: Int?
        var headers: [String: String] = [:]
        var isOver = false
    }

    private let state = Mutex(State())
    private let task = Mutex<URLSessionDataTask?>(nil)

    init(_ client: Client, _ path: String, _ more: [String: String] = [:]) throws {
        super.init()
        guard let url = URL(string: client.base + path) else { throw URLError(.badURL) }
        var request = URLRequest(url: url, timeoutInterval: 60)
        for (name, value) in client.headers.merging(more, uniquingKeysWith: { $1 }) {
            request.setValue(value, forHTTPHeaderField: name)
        }
        let configuration = URLSessionConfiguration.ephemeral
        configuration.httpCookieStorage = nil
        configuration.httpShouldSetCookies = false
        let session = URLSession(configuration: configuration, delegate: self, delegateQueue: nil)
        let task = session.dataTask(with: request)
        session.finishTasksAndInvalidate()
        task.resume()
        self.task.withLock { $0 = task }
    }

    var events: [Event] { state.withLock { $0.events } }
    var status: Int? { state.withLock { $0.status } }
    var headers: [String: String] { state.withLock { $0.headers } }
    var isOver: Bool { state.withLock { $0.isOver } }
    var snapshots: [Event] { events.filter { $0.name == "snapshot" } }

    func close() { task.withLock { $0?.cancel() } }

    func urlSession(
        _ session: URLSession, dataTask: URLSessionDataTask, didReceive response: URLResponse,
        completionHandler: @escaping @Sendable (URLSession.ResponseDisposition) -> Void
    ) {
        state.withLock { state in
            guard let response = response as? HTTPURLResponse else { return }
            state.status = response.statusCode
            let fields = response.allHeaderFields.map { (String(describing: $0.key).lowercased(), "\($0.value)") }
            state.headers = Dictionary(fields, uniquingKeysWith: { $1 })
        }
        completionHandler(.allow)
    }

    func urlSession(_ session: URLSession, dataTask: URLSessionDataTask, didReceive data: Data) {
        state.withLock { state in
            state.text += String(decoding: data, as: UTF8.self)
            while let end = state.text.range(of: "\n\n") {
                let block = state.text[..<end.lowerBound]
                state.text = String(state.text[end.upperBound...])
                var event = Event()
                for line in block.split(separator: "\n") {
                    if line.hasPrefix("id: ") { event.id = String(line.dropFirst(4)) }
                    if line.hasPrefix("event: ") { event.name = String(line.dropFirst(7)) }
                    if line.hasPrefix("data: ") { event.data += line.dropFirst(6) }
                }
                if !event.name.isEmpty { state.events.append(event) }
            }
        }
    }

    func urlSession(_ session: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?) {
        state.withLock { $0.isOver = true }
    }
}
