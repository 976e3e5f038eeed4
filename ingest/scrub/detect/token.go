package detect

import "strings"

// RuleToken counts credentials that are known by how they begin.
const RuleToken = "token"

// minToken is shorter than any credential below.
const minToken = 18

// credentials are the beginnings of keys and tokens that services give out, with
// how many characters follow at least. exact says that no more may follow.
var credentials = []struct {
	begins string
	more   int
	exact  bool
	upper  bool // Capitals and digits only.
}{
	{"AKIA", 16, true, true}, {"ASIA", 16, true, true}, // AWS access keys.
	{"AIza", 35, true, false}, {"ya29.", 20, false, false}, {"GOCSPX-", 24, false, false}, // Google.
	{"ghp_", 36, false, false}, {"gho_", 36, false, false}, {"ghu_", 36, false, false}, {"ghs_", 36, false, false}, {"ghr_", 36, false, false},
	{"github_pat_", 22, false, false}, {"glpat-", 20, false, false},
	{"xoxb-", 10, false, false}, {"xoxp-", 10, false, false}, {"xoxa-", 10, false, false}, {"xoxr-", 10, false, false}, {"xoxs-", 10, false, false}, {"xoxe-", 10, false, false}, {"xapp-", 10, false, false}, // Slack.
	{"sk_live_", 16, false, false}, {"sk_test_", 16, false, false}, {"rk_live_", 16, false, false}, {"rk_test_", 16, false, false}, {"whsec_", 16, false, false}, // Stripe.
	{"sk-ant-", 20, false, false}, {"sk-proj-", 20, false, false}, {"sk-svcacct-", 20, false, false},
	{"SG.", 60, false, false}, {"npm_", 36, false, false}, {"pypi-", 50, false, false}, {"hf_", 34, false, false}, {"dop_v1_", 64, false, false}, {"shpat_", 32, false, false},
}

// tokens takes out credentials of known forms and JSON web tokens, wherever they
// stand. Only long words are looked at.
func tokens(v string, c Counts) string {
	e := edit{s: v}
	for i := 0; i+minToken <= len(v); {
		// From behind: most texts have a short word there, and what stands before
		// its end needs no look.
		j := i + minToken - 1
		for j >= i && wordByte[v[j]] {
			j--
		}
		if j >= i {
			i = j + 1
			continue
		}
		end := i + minToken
		for end < len(v) && wordByte[v[end]] {
			end++
		}
		for from := i; end-from >= minToken; from++ {
			if from > i && v[from-1] != '.' && v[from-1] != '-' && v[from-1] != '_' {
				continue
			}
			if !begins[v[from]] {
				continue
			}
			if n := credential(v[from:end]); n > 0 {
				e.replace(from, from+n, Filtered)
				c.Add(RuleToken)
				break
			}
		}
		i = end
	}
	return e.done()
}

var wordByte = func() (t [256]bool) {
	for c := range 256 {
		t[c] = ident(byte(c)) || c == '.'
	}
	return
}()

// byFirst is which credentials begin with a byte.
var byFirst = func() (t [256][]uint8) {
	for i := range credentials {
		c := credentials[i].begins[0]
		t[c] = append(t[c], uint8(i))
	}
	return
}()

// begins says with which bytes credentials begin.
var begins = func() (t [256]bool) {
	t['e'] = true // Of web tokens.
	for i := range credentials {
		t[credentials[i].begins[0]] = true
	}
	return
}()

// credential returns how many bytes of a word one takes at its start, 0 where
// there is none.
func credential(s string) int {
	if strings.HasPrefix(s, "eyJ") {
		return webToken(s)
	}
	for _, i := range byFirst[s[0]] {
		k := &credentials[i]
		if !strings.HasPrefix(s, k.begins) {
			continue
		}
		n := len(k.begins)
		for n < len(s) && ident(s[n]) && (!k.upper || upper(s[n]) || digit(s[n])) || n < len(s) && s[n] == '.' && k.begins == "SG." {
			n++
		}
		if n-len(k.begins) < k.more || k.exact && n-len(k.begins) != k.more {
			continue
		}
		return n
	}
	return 0
}

// webToken returns the length of a JSON web token: three parts in the alphabet
// of base64 for URLs, of which the first is a JSON object.
func webToken(s string) int {
	dots, first, second := 0, 0, 0
	n := 0
	for ; n < len(s); n++ {
		if s[n] != '.' {
			continue
		}
		switch dots++; dots {
		case 1:
			first = n
		case 2:
			second = n
		}
		if dots == 3 {
			break
		}
	}
	if dots < 2 || first < 10 || second-first < 8 {
		return 0
	}
	for n > second+1 && s[n-1] == '.' {
		n-- // A full stop ends the sentence.
	}
	return n
}
