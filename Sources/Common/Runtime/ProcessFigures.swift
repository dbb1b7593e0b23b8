import FoundationEssentials
import Glibc

/// What the kernel knows about this process, under the names that Prometheus clients use.
enum ProcessFigures {
    static func exposition() -> String {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        let seconds = cpuSeconds(usage.ru_utime) + cpuSeconds(usage.ru_stime)
        var text = family("process_cpu_seconds_total", "counter", seconds)
        if let bytes = residentBytes() { text += family("process_resident_memory_bytes", "gauge", bytes) }
        if let bytes = anonymousBytes() { text += family("process_resident_anonymous_bytes", "gauge", bytes) }
        return text + family("process_start_time_seconds", "gauge", started)
    }

    /// Taken when it is first asked for, which is when the process starts.
    static let started: Double = {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec / 1_000_000) / 1_000
    }()

    private static func family(_ name: String, _ kind: String, _ value: some CustomStringConvertible) -> String {
        MetricDescription.header(name, kind) + "\(name) \(value)\n"
    }

    private static func cpuSeconds(_ time: timeval) -> Double {
        Double(time.tv_sec) + Double(time.tv_usec) / 1_000_000
    }

    private static func residentBytes() -> Int? {
        guard let data = FileManager.default.contents(atPath: "/proc/self/statm") else { return nil }
        let fields = String(decoding: data, as: UTF8.self).split(separator: " ")
        guard fields.count > 1, let pages = Int(fields[1]) else { return nil }
        return pages * sysconf(Int32(_SC_PAGESIZE))
    }

    /// Without the pages of files: the libraries are the same for all processes.
    private static func anonymousBytes() -> Int? {
        guard let data = FileManager.default.contents(atPath: "/proc/self/status") else { return nil }
        let lines = String(decoding: data, as: UTF8.self).split(separator: "\n")
        let line = lines.first { $0.hasPrefix("RssAnon:") }
        return line.flatMap { Int($0.filter(\.isNumber)) }.map { $0 * 1_024 }
    }
}
