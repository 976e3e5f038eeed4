package symbol

import (
	"strings"

	"errata/schema"
)

// Module is the class or package that names a frame where both protocols carry
// it; elsewhere only one does, and the file has to do.
func Module(f *schema.Frame, platform string) string {
	switch platform {
	case "python", "javascript", "node", "go", "ruby", "php", "rust", "native", "c", "cocoa", "objc", "swift":
		return ""
	case "java":
		return javaModule(f.Module)
	case "csharp":
		return csharpModule(f.Module)
	}
	if Page(f.Module) {
		return ""
	}
	return f.Module
}

// csharpModule is a class as the text of a stack trace writes it, with a dot
// before a nested one, and without those that the compiler makes and numbers.
func csharpModule(m string) string {
	if i := strings.Index(m, "<>c"); i > 1 && (m[i-1] == '+' || m[i-1] == '.') {
		m = m[:i-1]
	}
	return strings.ReplaceAll(m, "+", ".")
}

// Generated classes carry numbers and hashes after these.
var javaMarks = []string{
	"sun.reflect.GeneratedMethodAccessor", "jdk.internal.reflect.GeneratedMethodAccessor", "sun.reflect.GeneratedConstructorAccessor",
	"jdk.internal.reflect.GeneratedConstructorAccessor", "sun.reflect.GeneratedSerializationConstructorAccessor",
}

var javaProxies = []string{"$$EnhancerBy", "$$FastClassBy", "EnhancerBy", "FastClassBy", "$$_javassist", "_$$_jvst", "$HibernateProxy$", "$$SpringCGLIB$$", "CGLIB$$", "$fn__", "$ByteBuddy$"}

// javaModule is a class name without what a proxy or an accessor adds at run time.
func javaModule(m string) string {
	if m == "" {
		return ""
	}
	if before, _, ok := strings.Cut(m, "$$Lambda"); ok {
		return before
	}
	for _, p := range javaMarks {
		if strings.HasPrefix(m, p) {
			return p
		}
	}
	if strings.HasPrefix(m, "com.sun.proxy.$Proxy") || strings.HasPrefix(m, "jdk.proxy") {
		return strings.TrimRight(m, "0123456789")
	}
	if !strings.Contains(m, "$") && !strings.Contains(m, "CGLIB") {
		return m
	}
	for _, p := range javaProxies {
		if i := strings.Index(m, p); i > 0 {
			return m[:i+len(p)] + "<auto>"
		}
	}
	return m
}

// Script is a script's name without the hash that a build puts in it:
// main.3f2a1b8c.js and main.77c01d2e.js are one file.
func Script(name string) string {
	if i := strings.IndexAny(name, "?#"); i >= 0 {
		name = name[:i]
	}
	for at := 0; at < len(name); {
		end := at
		for end < len(name) && name[end] != '.' && name[end] != '-' {
			end++
		}
		if at > 0 && end < len(name) && hashed(name[at:end]) {
			return name[:at] + "<auto>" + name[end:]
		}
		at = end + 1
	}
	return name
}

func hashed(s string) bool {
	n := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case '0' <= c && c <= '9':
			n++
		case 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F':
		default:
			return false
		}
	}
	return len(s) >= 8 && n > 0
}

// Page says whether a frame is in a page or a script fetched by its address:
// such addresses vary by deployment.
func Page(path string) bool {
	for _, p := range [...]string{"http://", "https://", "applewebdata:", "blob:", "data:"} {
		if strings.HasPrefix(path, p) {
			return true
		}
	}
	return false
}
