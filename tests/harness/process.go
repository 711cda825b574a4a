// Package harness starts Freshet for tests and benchmarks: as a process of its own, on free ports of the loopback.
package harness

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Process is a running `freshet serve`.
type Process struct {
	DataDir               string
	Kafka, Postgres, HTTP string // HOST:PORT
	cmd                   *exec.Cmd
	exited                chan error
	log                   *os.File
}

// StartProcess starts a node on dataDir and waits until it is ready. Ports stay the same over restarts when before is the process of
// the former life. With --bootstrap among args, Kafka is that cluster. The log goes to freshet.log in the directory above.
func StartProcess(ctx context.Context, binary, dataDir string, before *Process, args ...string) (*Process, error) {
	p := &Process{DataDir: dataDir, exited: make(chan error, 1)}
	if before != nil {
		p.Kafka, p.Postgres, p.HTTP = before.Kafka, before.Postgres, before.HTTP
	} else {
		for _, at := range []*string{&p.Kafka, &p.Postgres, &p.HTTP} {
			addr, err := freeAddress()
			if err != nil {
				return nil, err
			}
			*at = addr
		}
	}
	if at := slices.Index(args, "--bootstrap"); at >= 0 {
		p.Kafka = args[at+1] // the cluster's: the node has no listener
	}
	log, err := os.OpenFile(filepath.Join(filepath.Dir(dataDir), "freshet.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, err
	}
	p.log = log
	args = append([]string{"serve", "--data-dir", dataDir, "--kafka", p.Kafka, "--postgres", p.Postgres, "--http", p.HTTP}, args...)
	p.cmd = exec.Command(binary, args...)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	if err := p.cmd.Start(); err != nil {
		return nil, errors.Join(err, log.Close())
	}
	go func() { p.exited <- p.cmd.Wait() }()
	if err := p.waitReady(ctx); err != nil {
		p.dump()
		p.Kill()
		return nil, err
	}
	return p, nil
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// readyEvery is how often the node is asked whether it is ready.
const readyEvery = 5 * time.Millisecond

func (p *Process) waitReady(ctx context.Context) error {
	tick := time.NewTicker(readyEvery)
	defer tick.Stop()
	for {
		if resp, err := http.Get("http://" + p.HTTP + "/readyz"); err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("not ready: %w", ctx.Err())
		case err := <-p.exited:
			p.exited <- err
			return fmt.Errorf("freshet ended before it was ready (see %s): %w", p.log.Name(), err)
		case <-tick.C:
		}
	}
}

// Pid is the process's id.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Kill ends the process as a power cut of the process would: SIGKILL.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill()
	<-p.exited //nolint:errcheck // killed, as asked
	p.exited <- nil
	_ = p.log.Close()
}

// dumpMax is how long a process may write its goroutines.
const dumpMax = 5 * time.Second

// dump ends the process with its goroutines in the log.
func (p *Process) dump() {
	if p.cmd.Process.Signal(syscall.SIGQUIT) != nil {
		return // it has ended
	}
	select {
	case err := <-p.exited:
		p.exited <- err
	case <-time.After(dumpMax):
	}
}

// Stop asks the process to end and waits for it.
func (p *Process) Stop() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	err := <-p.exited
	p.exited <- err
	return errors.Join(err, p.log.Close())
}

// clockTicks is the kernel's USER_HZ, a constant of Linux.
const clockTicks = 100

// CPU is the user and system time of a process, from the operating system's accounting.
func CPU(pid int) (time.Duration, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	f := strings.Fields(rest)
	if len(f) < 13 {
		return 0, fmt.Errorf("short /proc/%d/stat", pid)
	}
	user, err1 := strconv.ParseInt(f[11], 10, 64)
	system, err2 := strconv.ParseInt(f[12], 10, 64)
	return time.Duration(user+system) * time.Second / clockTicks, errors.Join(err1, err2)
}

// RSS is a process's resident memory in MB: now and at its peak.
func RSS(pid int) (now, peak int64, err error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, 0, err
	}
	defer func() { _ = f.Close() }()
	for sc := bufio.NewScanner(f); sc.Scan(); {
		words := strings.Fields(sc.Text())
		if len(words) < 2 {
			continue
		}
		kb, _ := strconv.ParseInt(words[1], 10, 64)
		switch words[0] {
		case "VmRSS:":
			now = kb / 1024
		case "VmHWM:":
			peak = kb / 1024
		}
	}
	return now, peak, nil
}

// Result is one line of a benchmark.
type Result struct {
	Peer          string             `json:"peer,omitempty"`
	Job           string             `json:"job"`
	Records       int64              `json:"records"`
	CPUPerMillion float64            `json:"cpu_s_per_M"`
	PerSecond     float64            `json:"records_per_s"`
	RSSMB         int64              `json:"rss_mb"`
	OutputRecords int64              `json:"output_records"`
	More          map[string]float64 `json:"more,omitempty"`
}

// String is the line as JSON.
func (r Result) String() string {
	b, err := json.Marshal(r)
	if err != nil {
		return err.Error()
	}
	return string(b)
}
