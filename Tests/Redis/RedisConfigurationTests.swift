import Redis
import Testing

@Suite struct RedisConfigurationTests {
    @Test func readsEveryPart() throws {
        let full = try RedisConfiguration(url: "redis://ada:p%40ss%2Fw@db.example:6380/3")
        #expect(full.address == .tcp(host: "db.example", port: 6380))
        #expect(full.user == "ada")
        #expect(full.password == "p@ss/w")
        #expect(full.database == 3)
    }

    @Test func hasDefaults() throws {
        let plain = try RedisConfiguration(url: "redis://localhost")
        #expect(plain.address == .tcp(host: "localhost", port: 6379))
        #expect(plain.user == nil)
        #expect(plain.password == nil)
        #expect(plain.database == 0)
        #expect(try RedisConfiguration(url: "redis://localhost/").database == 0)
        #expect(plain.commandTimeout == .seconds(5))
        #expect(plain.connectTimeout == .seconds(2))
    }

    @Test func readsPasswordWithoutUserAndWithReservedCharacters() throws {
        #expect(try RedisConfiguration(url: "redis://:secret@host").password == "secret")
        #expect(try RedisConfiguration(url: "redis://:a/b@c@host:1/2").password == "a/b@c")
        #expect(try RedisConfiguration(url: "redis://:a/b@c@host:1/2").database == 2)
    }

    @Test func readsSocketsAndIPv6() throws {
        let socket = try RedisConfiguration(url: "unix:///run/redis.sock?db=4&password=x%26y")
        #expect(socket.address == .unix(path: "/run/redis.sock"))
        #expect(socket.database == 4)
        #expect(socket.password == "x&y")
        #expect(try RedisConfiguration(url: "redis://[::1]:7000/1").address == .tcp(host: "::1", port: 7000))
        #expect(try RedisConfiguration(url: "redis://[::1]").description == "redis://[::1]:6379/0")
    }

    @Test(arguments: [
        ("localhost:6379", "not a URL"), ("http://localhost", "unknown scheme"), ("rediss://host", "TLS"),
        ("redis://", "no host"), ("redis://host:port", "port"), ("redis://host:0", "port"),
        ("redis://host:65536", "port"), ("redis://host/one", "database"), ("redis://host/-1", "database"),
        ("redis://hunter2@host", "without a password"), ("redis://:hunter2%zz@host", "percent"),
        ("redis://:hunter2@host?ssl=1", "unknown option 'ssl'"), ("redis://::1", "brackets"),
        ("unix://", "no path"), ("unix:///s?user=ada", "without a password"), ("", "not a URL"),
    ])
    func namesWhatIsWrongAndNeverThePassword(url: String, part: String) {
        let error = #expect(throws: RedisError.self) { try RedisConfiguration(url: url) }
        #expect(error?.code == .configuration)
        #expect(error?.detail.contains(part) == true, "\(error?.detail ?? "")")
        #expect(error?.description.contains("hunter2") == false)
    }
}
