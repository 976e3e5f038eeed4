package schema

import "github.com/cespare/xxhash/v2"

// UserHash counts users: both protocols hash the first of id, name, email and
// address that is known, with its kind, so that one person is one number. It
// is 0 where nothing is known.
func UserHash(id, name, email, ip string) uint64 {
	kind, value := "id:", id
	switch {
	case id != "":
	case name != "":
		kind, value = "username:", name
	case email != "":
		kind, value = "email:", email
	case ip != "":
		kind, value = "ip:", ip
	default:
		return 0
	}
	var d xxhash.Digest
	d.Reset()
	_, _ = d.WriteString(kind)
	_, _ = d.WriteString(value)
	if h := d.Sum64(); h != 0 {
		return h
	}
	return 1
}
