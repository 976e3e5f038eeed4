package form

import "testing"

func FuzzMultipart(f *testing.F) {
	f.Add("multipart/form-data; boundary=x", []byte("--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nv\r\n--x--"))
	f.Add("multipart/form-data; boundary=x", []byte("--x\r\n\r\n--x"))
	f.Fuzz(func(t *testing.T, kind string, body []byte) {
		parts, err := Parts(kind, body)
		n := 0
		for _, p := range parts {
			n += len(p.Data)
		}
		if err == nil && n > len(body) {
			t.Fatal("parts are larger than the body")
		}
	})
}
