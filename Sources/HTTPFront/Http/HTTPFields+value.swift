import HTTPTypes

extension HTTPFields {
    /// The same as the subscript by name, which makes a new string of any value; nearly all fields stand there once.
    func value(of name: HTTPField.Name) -> String? {
        var found: String?
        for field in self where field.name == name {
            guard found == nil else { return self[name] }
            found = field.value
        }
        return found
    }
}
