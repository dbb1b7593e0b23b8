// swift-tools-version: 6.2
import PackageDescription

let common: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

/// Modules that hold C pointers say `unsafe` at each use of one.
let strict = common + [.strictMemorySafety()]

let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let metrics: Target.Dependency = .product(name: "Metrics", package: "swift-metrics")
let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let lifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")

func module(
    _ name: String, _ dependencies: [Target.Dependency], settings: [SwiftSetting] = common
) -> Target {
    .target(
        name: name, dependencies: dependencies, path: "Sources/Common/\(name)",
        exclude: name == "Storage" ? ["schema.sql"] : [], swiftSettings: settings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(
        name: "\(name)Tests", dependencies: dependencies, path: "Tests/\(name)", swiftSettings: common)
}

// Bottom-up: a target may import only what stands above it in this list and in its own line.
let package = Package(
    name: "questline",
    products: [
        .executable(name: "questline-worker", targets: ["Workers"]),
        .executable(name: "questline-front", targets: ["HTTPFront"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.2"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/hummingbird-project/swift-mustache", from: "2.1.1"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/vapor/jwt-kit", from: "5.7.1"),
    ],
    targets: [
        .systemLibrary(name: "CEpoll", path: "Sources/Common/CEpoll"),
        .systemLibrary(name: "CMalloc", path: "Sources/Common/CMalloc"),
        .systemLibrary(name: "CHiredis", path: "Sources/Common/CHiredis"),
        .systemLibrary(name: "CLibPQ", path: "Sources/Common/CLibPQ"),
        .systemLibrary(name: "CArgon2", path: "Sources/Common/CArgon2"),
        .target(
            name: "CPages", path: "Sources/HTTPFront/Browser",
            exclude: ["console", "player", "shared"], publicHeadersPath: "include"),
        module("Domain", []),
        module(
            "Runtime",
            [
                "CMalloc", logging, metrics, lifecycle,
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ]),
        module("Reactor", ["CEpoll", .product(name: "NIOPosix", package: "swift-nio")], settings: strict),
        module("Redis", ["CHiredis", "Reactor", logging], settings: strict),
        module("Postgres", ["CLibPQ", "Reactor", logging], settings: strict),
        module("Streams", ["Domain", "Redis", logging]),
        module("Storage", ["Domain", "Postgres", logging, crypto]),
        module("Catalog", ["Domain", "Redis", "Postgres", "Streams", "Storage", logging, metrics, crypto]),
        module(
            "Identity",
            [
                "CArgon2", "Domain", "Redis", "Postgres", "Reactor", "Streams", "Storage", logging, metrics, crypto,
                .product(name: "JWTKit", package: "jwt-kit"),
            ]),
        module("Operations", ["Domain", "Redis", "Postgres", "Streams", "Storage", logging]),
        .executableTarget(
            name: "Workers",
            dependencies: [
                "Domain", "Runtime", "Reactor", "Redis", "Postgres", "Streams", "Storage", "Catalog", "Identity",
                "Operations", logging, metrics, lifecycle,
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: common),
        .executableTarget(
            name: "HTTPFront",
            dependencies: [
                "CPages", "Domain", "Runtime", "Reactor", "Redis", "Postgres", "Streams", "Storage", "Catalog",
                "Identity",
                "Operations", logging, metrics, lifecycle, crypto,
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Mustache", package: "swift-mustache"),
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
            ],
            exclude: ["Browser"], swiftSettings: common),
        .executableTarget(
            name: "BenchFloor",
            dependencies: [
                logging, .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "NIOCore", package: "swift-nio"),
            ],
            path: "Tests/BenchFloor", swiftSettings: common),
        .target(
            name: "TestSupport", dependencies: ["Domain", "Redis", "Postgres", "Storage", "Streams", logging],
            path: "Tests/TestSupport", swiftSettings: common),
        tests("Domain", ["Domain"]),
        tests("Reactor", ["Reactor"]),
        tests("Runtime", ["Runtime", logging, .product(name: "CoreMetrics", package: "swift-metrics")]),
        tests("Postgres", ["Postgres", "TestSupport"]),
        tests("Storage", ["Domain", "Postgres", "Storage", "TestSupport", logging]),
        tests("Catalog", ["Catalog", "Domain", "Postgres", "Redis", "Storage", "Streams", "TestSupport", logging]),
        tests("Operations", ["Domain", "Operations", "Postgres", "Storage", "TestSupport"]),
        tests(
            "Identity",
            [
                "Domain", "Identity", "Postgres", "Redis", "Storage", "Streams", "TestSupport", crypto,
                .product(name: "JWTKit", package: "jwt-kit"),
            ]),
        tests(
            "Front",
            [
                "Domain", "HTTPFront", "Identity", "Operations", "Postgres", "Redis", "Runtime", "Storage", "Streams",
                "TestSupport",
                logging, lifecycle, .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "NIOCore", package: "swift-nio"),
            ]),
        tests(
            "Workers",
            [
                "Domain", "Postgres", "Redis", "Runtime", "Storage", "Streams", "TestSupport", "Workers", logging,
                lifecycle,
            ]),
        tests("Redis", ["Redis", "Reactor", "TestSupport", logging]),
        tests("Streams", ["Domain", "Redis", "Streams", "TestSupport", logging]),
        tests("Guarantees", ["Domain", "Postgres", "Redis", "Storage", "Streams", "TestSupport"]),
    ]
)
