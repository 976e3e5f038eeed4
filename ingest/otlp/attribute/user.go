package attribute

import (
	"net/netip"
	"net/url"
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
func assembled(ts []*schema.Tag) string {
	path, query, _ := strings.Cut(Value(ts, "url.path", "http.target"), "?")
	if q := Value(ts, "url.query"); q != "" {
		query = strings.TrimPrefix(q, "?")
	}
	host := Value(ts, "http.host")
	if h := Value(ts, "server.address", "net.host.name", "http.server_name"); host == "" && h != "" {
		host = h
		if p := Value(ts, "server.port", "net.host.port"); p != "" && p != "80" && p != "443" && !strings.Contains(h, ":") {
			host += ":" + p
		}
	}
	if path == "" && host == "" {
		return ""
	}
	u := url.URL{Scheme: Value(ts, "url.scheme", "http.scheme"), Host: host, Path: path, RawQuery: query}
	if host == "" {
		u.Scheme = ""
	}
	return u.String()
}

// HTTPStatus is the status of the answer, 0 where there is none.
func HTTPStatus(ts []*schema.Tag) uint32 {
	n, err := strconv.ParseUint(Value(ts, "http.response.status_code", "http.status_code"), 10, 16)
	if err != nil {
		return 0
	}
	return uint32(n)
}
