package attribute

import (
	"net/netip"
	"strconv"
	"strings"

	"errata/schema"
)

// Caps of a user's fields, as Sentry has them.
const (
	maxUserID    = 128
	maxUserEmail = 75
)

// Person is the user of an item.
type Person struct{ ID, Name, Email, IP string }

// User reads who was concerned, from the item first and its resource last.
// client.address is the caller; net.peer.ip is not taken, because behind a
// proxy it is the proxy.
func User(sets ...[]*schema.Tag) Person {
	first := func(limit int, keys ...string) string {
		for _, ts := range sets {
			if v := Value(ts, keys...); v != "" {
				return Clipped(v, limit)
			}
		}
		return ""
	}
	p := Person{
		ID:    first(maxUserID, "user.id", "enduser.id"),
		Name:  first(maxUserID, "user.name", "user.full_name"),
		Email: first(maxUserEmail, "user.email"),
	}
	if a, err := netip.ParseAddr(first(maxUserID, "client.address", "http.client_ip")); err == nil {
		p.IP = a.Unmap().WithZone("").String()
	}
	return p
}

// Hash counts a user, 0 where nobody is known.
func (p Person) Hash() uint64 { return schema.UserHash(p.ID, p.Name, p.Email, p.IP) }

// Call is the HTTP request that a server was answering.
type Call struct {
	Method string
	URL    string
	Status uint32
}

// HTTP reads the old and the new conventions for HTTP.
func HTTP(ts []*schema.Tag) Call {
	c := Call{
		Method: Clipped(Value(ts, "http.request.method", "http.method"), 32),
		Status: HTTPStatus(ts),
		URL:    Value(ts, "url.full", "http.url"),
	}
	if c.Method == "_OTHER" {
		c.Method = Clipped(Value(ts, "http.request.method_original"), 32)
	}
	if c.URL == "" {
		c.URL = assembled(ts)
	}
	c.URL = Clipped(c.URL, schema.MaxURL)
	return c
}

// assembled builds a URL from its parts, of the new or the old conventions.
// Paths and queries come escaped and are not escaped again.
func assembled(ts []*schema.Tag) string {
	target, targetQuery, _ := strings.Cut(Value(ts, "http.target"), "?")
	path, query, _ := strings.Cut(Value(ts, "url.path"), "?")
	if path == "" {
		path = target
	}
	if q := Value(ts, "url.query"); q != "" {
		query = strings.TrimPrefix(q, "?")
	} else if query == "" {
		query = targetQuery
	}
	if query != "" {
		query = "?" + query
	}
	scheme := Value(ts, "url.scheme", "http.scheme")
	host := authority(ts, scheme)
	if host == "" || strings.Contains(path, "://") {
		if path == "" {
			return ""
		}
		return path + query
	}
	if path != "" && path[0] != '/' {
		path = "/" + path
	}
	if scheme != "" {
		scheme += ":"
	}
	return scheme + "//" + host + path + query
}

// authority is the server's name, with its port where that is not the usual one.
func authority(ts []*schema.Tag, scheme string) string {
	name, port := Value(ts, "server.address"), Value(ts, "server.port")
	if name == "" {
		if h := Value(ts, "http.host"); h != "" {
			return h
		}
		name, port = Value(ts, "net.host.name", "http.server_name"), Value(ts, "net.host.port")
	}
	if strings.Contains(name, ":") {
		if a, err := netip.ParseAddr(name); err != nil || !a.Is6() {
			return name // Has a port.
		}
		name = "[" + name + "]"
	}
	if name == "" || port == "" || port == "80" && scheme != "https" || port == "443" && scheme != "http" {
		return name
	}
	return name + ":" + port
}

// HTTPStatus is the status of the answer, 0 where there is none.
func HTTPStatus(ts []*schema.Tag) uint32 {
	for _, k := range [...]string{"http.response.status_code", "http.status_code"} {
		if v := Value(ts, k); v != "" {
			if n, err := strconv.ParseUint(v, 10, 16); err == nil {
				return uint32(n)
			}
		}
	}
	return 0
}
