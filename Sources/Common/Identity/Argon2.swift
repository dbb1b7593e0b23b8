import CArgon2

/// What libargon2 refused to do, with its own words for it.
struct Argon2Error: Error, CustomStringConvertible {
    let code: Int32

    var description: String {
        argon2_error_message(code).map { "argon2: " + String(cString: $0) } ?? "argon2: error \(code)"
    }
}

/// The call into libargon2. It blocks for as long as a hash takes.
enum Argon2 {
    static let saltBytes = 16
    static let hashBytes = 32

    /// The Argon2id hash of `password`, in memory that `HashMemory` lends.
    static func hash(
        _ password: [UInt8], salt: [UInt8], count: Int = hashBytes, _ parameters: PasswordParameters
    ) throws -> [UInt8] {
        var password = password
        var salt = salt
        var hash = [UInt8](repeating: 0, count: count)
        let code = hash.withUnsafeMutableBufferPointer { hash in
            password.withUnsafeMutableBufferPointer { password in
                salt.withUnsafeMutableBufferPointer { salt in
                    var context = argon2_context()
                    context.out = hash.baseAddress
                    context.outlen = UInt32(hash.count)
                    context.pwd = password.baseAddress
                    context.pwdlen = UInt32(password.count)
                    context.salt = salt.baseAddress
                    context.saltlen = UInt32(salt.count)
                    context.t_cost = parameters.passes
                    context.m_cost = parameters.memory
                    context.lanes = parameters.lanes
                    context.threads = 1
                    context.version = ARGON2_VERSION_13.rawValue
                    context.allocate_cbk = { memory, size in
                        memory?.pointee = HashMemory.shared.take(size)?.assumingMemoryBound(to: UInt8.self)
                        return memory?.pointee == nil ? ARGON2_MEMORY_ALLOCATION_ERROR.rawValue : ARGON2_OK.rawValue
                    }
                    context.free_cbk = { memory, size in
                        if let memory { HashMemory.shared.giveBack(UnsafeMutableRawPointer(memory), size) }
                    }
                    return argon2id_ctx(&context)
                }
            }
        }
        guard code == ARGON2_OK.rawValue else { throw Argon2Error(code: code) }
        return hash
    }
}
