package queries_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"errata/queries"
)

// Words are found in any common case, in any alphabet, and all of them must be
// there.
func TestWordsOfAnyAlphabet(t *testing.T) {
	project, owner := newProject(), store(t, "errata")
	titles := []string{"PaymentError: Ошибка оплаты 42", "PaymentError: ОШИБКА ОПЛАТЫ", "Fehler: Übertragung nach Zürich abgebrochen", "支払い失敗: 注文 42", "Error: İstanbul kapalı", "plain: nothing of it", "TimeOut: сБоЙ ÉchEC Straße", "Отказ: «заказ» — “Größe”：超时", "Отказ 🙂", "token expired", "“expired” token", "It won't start", "It won’t start—now"}
	now := time.Now()
	for i, title := range titles {
		seed(t, owner, event{project: project, fingerprint: uint64(i + 1), id: uuid.NewString(), ts: now, title: title})
		require.NoError(t, owner.Conn().Exec(t.Context(), "INSERT INTO logs (project_id, ts, log_id, service, body) VALUES (?, now64(6), generateUUIDv4(), 'shop', ?)", project, title))
	}
	for _, c := range []struct {
		name, text string
		want       []int
	}{
		{"small", "ошибка", []int{0, 1}},
		{"capital", "ОШИБКА", []int{0, 1}},
		{"in front", "Ошибка", []int{0, 1}},
		{"mixed", "оШиБКА", []int{0, 1}},
		{"mixed in the text", "СБОЙ", []int{6}},
		{"mixed in both", "сБОй ÉCHEC", []int{6}},
		{"a word of ASCII in such a text", "timeOUT éChEc", []int{6}},
		{"a word of ASCII alone", "TIMEOUT", []int{6}},
		{"a word of ASCII elsewhere", "nothing сбой", nil},
		{"signs between", "«сбой» — Échec!", []int{6}},
		{"signs in the text", "ЗАКАЗ GRÖßE", []int{7}},
		{"signs of other alphabets", "超时", []int{7}},
		{"a picture", "🙂", []int{8}},
		{"ASCII in front", "отказ", []int{7, 8}},
		{"many words", strings.Repeat("ошибка оплаты ", 100), []int{0, 1}},
		{"two words", "оплаты ошибка", []int{0, 1}},
		{"beside a number", "42 ОПЛАТЫ", []int{0}},
		{"beside a word of ASCII", "paymenterror Оплаты", []int{0, 1}},
		{"one word is not there", "ошибка возврата", nil},
		{"one word of ASCII is not there", "ошибка refund", nil},
		{"accents", "übertragung ZÜRICH", []int{2}},
		{"accents and ASCII", "zürich FEHLER", []int{2}},
		{"no case", "注文", []int{3}},
		{"no case, another word", "注文 43", nil},
		{"dotted capital", "İstanbul", []int{4}},
		{"ASCII", "PAYMENTERROR 42", []int{0}},
		{"only signs", "!!! ::", nil},
		{"quotes of other alphabets", "“Expired”", []int{9, 10}},
		{"quotes of ASCII", "'EXPIRED'", []int{9, 10}},
		{"an apostrophe", "won't START", []int{11, 12}},
		{"an apostrophe of other alphabets", "WON’T", []int{11, 12}},
		{"a dash of other alphabets", "start—it", []int{11, 12}},
		{"only signs of other alphabets", "“—”", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			var want []string
			for _, i := range c.want {
				want = append(want, titles[i])
			}
			given := map[string]string{"project": text(project), "text": c.text}
			r, err := owner.Run(t.Context(), "text_search", given)
			require.NoError(t, err)
			require.ElementsMatch(t, want, texts(r, "title"))
			r, err = owner.Run(t.Context(), "issue_list", given)
			require.NoError(t, err)
			require.ElementsMatch(t, want, texts(r, "title"))
			r, err = owner.Run(t.Context(), "log_search", given)
			require.NoError(t, err)
			require.ElementsMatch(t, want, texts(r, "body"))
		})
	}
}

// texts are the values of a column.
func texts(r *queries.Result, column string) []string {
	var out []string
	for _, v := range r.Column(column) {
		out = append(out, text(v))
	}
	return out
}
