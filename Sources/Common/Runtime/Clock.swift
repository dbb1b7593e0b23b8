import Glibc

/// The wall clock as log lines show it.
enum Clock {
    /// UTC with milliseconds, as in `2026-11-23T08:30:00.125Z`.
    static func rfc3339() -> String {
        let (time, milliseconds) = now()
        var moment = time
        var parts = tm()
        gmtime_r(&moment, &parts)
        return padded(Int(parts.tm_year) + 1_900, 4) + "-" + padded(Int(parts.tm_mon) + 1, 2) + "-"
            + padded(Int(parts.tm_mday), 2) + "T" + clock(parts, milliseconds) + "Z"
    }

    /// Local time, as in `08:30:00.125`: enough at a terminal.
    static func timeOfDay() -> String {
        let (time, milliseconds) = now()
        var moment = time
        var parts = tm()
        localtime_r(&moment, &parts)
        return clock(parts, milliseconds)
    }

    private static func now() -> (time_t, Int) {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return (time.tv_sec, time.tv_nsec / 1_000_000)
    }

    private static func clock(_ parts: tm, _ milliseconds: Int) -> String {
        padded(Int(parts.tm_hour), 2) + ":" + padded(Int(parts.tm_min), 2) + ":" + padded(Int(parts.tm_sec), 2) + "."
            + padded(milliseconds, 3)
    }

    private static func padded(_ value: Int, _ width: Int) -> String {
        let digits = String(value)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}

extension Duration {
    /// For people: `340 ms`, `12.3 s`, `4 min 10 s`, `2 h 5 min`.
    public var inWords: String {
        let milliseconds = self / .milliseconds(1)
        switch milliseconds {
        case ..<1_000: return "\(Int(milliseconds)) ms"
        case ..<60_000:
            let tenths = Int(milliseconds / 100)
            return "\(tenths / 10).\(tenths % 10) s"
        case ..<3_600_000:
            let seconds = Int(milliseconds / 1_000)
            return "\(seconds / 60) min \(seconds % 60) s"
        default:
            let minutes = Int(milliseconds / 60_000)
            return "\(minutes / 60) h \(minutes % 60) min"
        }
    }
}
