// Program toxi stands in for toxiproxy in front of one broker, as far as sarama's functional tests need it: five proxies, kafka1 to kafka5
// on ports 29091 to 29095, that can be switched off and made slow or rude over toxiproxy's HTTP API. It prints "ready" when they listen.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

const (
	proxies   = 5
	firstPort = 29091
	// bodyMaxBytes bounds a request to the HTTP API.
	bodyMaxBytes = 1 << 16
)

func main() {
	broker := flag.String("broker", "127.0.0.1:9092", "the broker's address")
	api := flag.String("api", "127.0.0.1:8474", "address of the HTTP API")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, *broker, *api)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "toxi:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, broker, api string) error {
	all := map[string]*proxy{}
	for i := range proxies {
		p := &proxy{Name: fmt.Sprintf("kafka%d", i+1), Listen: fmt.Sprintf("127.0.0.1:%d", firstPort+i), Upstream: broker, conns: map[net.Conn]bool{}}
		if err := p.set(true); err != nil {
			return err
		}
		defer func() { _ = p.set(false) }() // the process ends
		all[p.Name] = p
	}
	l, err := net.Listen("tcp", api)
	if err != nil {
		return err
	}
	srv := &http.Server{Handler: routes(all), ReadHeaderTimeout: time.Second}
	go func() {
		<-ctx.Done()
		_ = srv.Close() // the process ends
	}()
	fmt.Println("ready")
	if err := srv.Serve(l); err != http.ErrServerClosed {
		return err
	}
	return nil
}

// routes are what sarama's client of toxiproxy asks.
func routes(all map[string]*proxy) http.Handler {
	mux := http.NewServeMux()
	named := func(serve func(p *proxy, w http.ResponseWriter, body []byte)) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			p, ok := all[r.PathValue("name")]
			if !ok {
				http.Error(w, "no such proxy", http.StatusNotFound)
				return
			}
			body, err := io.ReadAll(io.LimitReader(r.Body, bodyMaxBytes))
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			serve(p, w, body)
		}
	}
	mux.HandleFunc("GET /proxies/{name}", named(func(p *proxy, w http.ResponseWriter, _ []byte) { p.answer(w) }))
	mux.HandleFunc("POST /proxies/{name}", named(func(p *proxy, w http.ResponseWriter, body []byte) {
		var want struct{ Enabled bool }
		if err := json.Unmarshal(body, &want); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if err := p.set(want.Enabled); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		p.answer(w)
	}))
	mux.HandleFunc("POST /proxies/{name}/toxics", named(func(p *proxy, w http.ResponseWriter, body []byte) {
		var toxic struct {
			Type       string         `json:"type"`
			Attributes map[string]int `json:"attributes"`
		}
		if err := json.Unmarshal(body, &toxic); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		p.poison(toxic.Type, time.Duration(toxic.Attributes["latency"])*time.Millisecond)
		_, _ = w.Write(body)
	}))
	mux.HandleFunc("POST /reset", func(w http.ResponseWriter, _ *http.Request) {
		for _, p := range all {
			p.poison("", 0)
			if err := p.set(true); err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
		}
		w.WriteHeader(http.StatusNoContent)
	})
	return mux
}

// proxy passes bytes both ways between whoever connects and the broker.
type proxy struct {
	Name     string `json:"name"`
	Listen   string `json:"listen"`
	Upstream string `json:"upstream"`

	mu      sync.Mutex // guards what follows
	l       net.Listener
	conns   map[net.Conn]bool
	latency time.Duration // of each piece of an answer
	reset   bool          // connections are reset when the broker answers
}

func (p *proxy) answer(w http.ResponseWriter) {
	p.mu.Lock()
	defer p.mu.Unlock()
	// A client that is gone needs no answer.
	_ = json.NewEncoder(w).Encode(struct {
		*proxy
		Enabled bool `json:"enabled"`
	}{p, p.l != nil})
}

func (p *proxy) poison(kind string, latency time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reset, p.latency = kind == "reset_peer", latency
}

func (p *proxy) poisoned() (time.Duration, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.latency, p.reset
}

// set makes the proxy listen, or closes it and every connection through it.
func (p *proxy) set(enabled bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if enabled == (p.l != nil) {
		return nil
	}
	if !enabled {
		err := p.l.Close()
		p.l = nil
		for c := range p.conns {
			_ = c.Close() // it is to be gone
		}
		return err
	}
	l, err := net.Listen("tcp", p.Listen)
	if err != nil {
		return err
	}
	p.l = l
	go p.accept(l)
	return nil
}

// accept ends when the listener is closed.
func (p *proxy) accept(l net.Listener) {
	for {
		down, err := l.Accept()
		if err != nil {
			return
		}
		up, err := net.Dial("tcp", p.Upstream)
		if err != nil {
			_ = down.Close() // as the broker would
			continue
		}
		p.mu.Lock()
		p.conns[down], p.conns[up] = true, true
		p.mu.Unlock()
		go p.pass(up, down, false)
		go p.pass(down, up, true)
	}
}

// pass copies until either side ends; answers suffer the toxics.
func (p *proxy) pass(to, from net.Conn, answers bool) {
	defer p.drop(to, from)
	piece := make([]byte, 64<<10)
	for {
		n, err := from.Read(piece)
		if latency, reset := p.poisoned(); answers && err == nil {
			time.Sleep(latency)
			if tcp, ok := to.(*net.TCPConn); ok && reset {
				_ = tcp.SetLinger(0) // closing sends a reset
				return
			}
		}
		if err != nil {
			return
		}
		if _, err := to.Write(piece[:n]); err != nil {
			return
		}
	}
}

func (p *proxy) drop(conns ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		_ = c.Close() // the other direction may have closed it
		delete(p.conns, c)
	}
}
