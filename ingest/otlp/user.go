package otlp

import (
	"net/netip"
	"net/url"
	"strings"

	"errata/schema"
)

// Caps of a user's fields, as Sentry has them.
const (
	maxUserID    = 128
	maxUserEmail = 75
)

// person is the user of an item.
type person struct{ id, name, email, ip string }

// user reads who was concerned, from the item first and its resource last.
// client.address is the caller; net.peer.ip is not taken, because behind a
// proxy it is the proxy.
func user(sets ...[]*schema.Tag) person {
	first := func(limit int, keys ...string) string {
		for _, ts := range sets {
			if v := value(ts, keys...); v != "" {
				return clipped(v, limit)
			}
		}
		return ""
	}
	p := person{
		id:    first(maxUserID, "user.id", "enduser.id"),
		name:  first(maxUserID, "user.name", "user.full_name"),
		email: first(maxUserEmail, "user.email"),
	}
	if a, err := netip.ParseAddr(first(maxUserID, "client.address", "http.client_ip")); err == nil {
		p.ip = a.Unmap().WithZone("").String()
	}
	return p
}

func (p person) hash() uint64 { return schema.UserHash(p.id, p.name, p.email, p.ip) }

// call is the HTTP request that a server was answering.
type call struct {
	method string
	url    string
	status uint32
}

func httpCall(ts []*schema.Tag) call {
	c := call{
		method: clipped(value(ts, "http.request.method", "http.method"), 32),
		status: httpStatus(ts),
		url:    value(ts, "url.full", "http.url"),
	}
	if c.method == "_OTHER" {
		c.method = clipped(value(ts, "http.request.method_original"), 32)
	}
	if c.url == "" {
		c.url = assembled(ts)
	}
	c.url = clipped(c.url, schema.MaxURL)
	return c
}

// assembled builds a URL from its parts, of the new or the old conventions.
func assembled(ts []*schema.Tag) string {
	path, query, _ := strings.Cut(value(ts, "url.path", "http.target"), "?")
	if q := value(ts, "url.query"); q != "" {
		query = strings.TrimPrefix(q, "?")
	}
	host := value(ts, "http.host")
	if h := value(ts, "server.address", "net.host.name", "http.server_name"); host == "" && h != "" {
		host = h
		if p := value(ts, "server.port", "net.host.port"); p != "" && p != "80" && p != "443" && !strings.Contains(h, ":") {
			host += ":" + p
		}
	}
	if path == "" && host == "" {
		return ""
	}
	u := url.URL{Scheme: value(ts, "url.scheme", "http.scheme"), Host: host, Path: path, RawQuery: query}
	if host == "" {
		u.Scheme = ""
	}
	return u.String()
}
