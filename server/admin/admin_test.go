package admin

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

func TestHandler(t *testing.T) {
	reg := prometheus.NewRegistry()
	reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "freshet_test", Help: "A test."}, func() float64 { return 7 }))
	notReady := errors.New("the command log is being read")
	ready := notReady
	srv := httptest.NewServer(Handler(func() error { return ready }, reg))
	defer srv.Close()
	get := func(path string) (int, string) {
		resp, err := http.Get(srv.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(body)
	}
	for _, c := range []struct {
		path string
		code int
		text string
	}{
		{"/healthz", 200, "ok"},
		{"/readyz", 503, "the command log is being read"},
		{"/metrics", 200, "freshet_test 7"},
		{"/debug/pprof/cmdline", 200, ""},
		{"/", 200, "/metrics"},
		{"/nowhere", 404, ""},
	} {
		if code, text := get(c.path); code != c.code || !strings.Contains(text, c.text) {
			t.Errorf("%s: %d %q, expected %d with %q", c.path, code, text, c.code, c.text)
		}
	}
	ready = nil
	if code, _ := get("/readyz"); code != 200 {
		t.Errorf("/readyz when ready: %d", code)
	}
}
