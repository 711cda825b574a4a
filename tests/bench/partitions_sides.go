package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/freshetdb/freshet/tests/harness"
)

// ourSide is a node of the binary under test.
type ourSide struct {
	binary, dir string
	node        *harness.Process
	up          bool
}

func (s *ourSide) name() string    { return "freshet" }
func (s *ourSide) brokers() string { return s.node.Kafka }
func (s *ourSide) pid() int        { return s.node.Pid() }

func (s *ourSide) start(ctx context.Context) error {
	if err := os.MkdirAll(s.dir, 0o755); err != nil {
		return err
	}
	node, err := harness.StartProcess(ctx, s.binary, s.dir+"/data", s.node)
	if err != nil {
		return err
	}
	s.node, s.up = node, true
	return nil
}

func (s *ourSide) stop() error {
	if !s.up {
		return nil
	}
	s.up = false
	return s.node.Stop()
}

func (s *ourSide) kill() error {
	s.up = false
	s.node.Kill()
	return nil
}

// kafkaSide is the peer, by its script.
type kafkaSide struct {
	script, data, addr string
	process            int
}

// manyKafkaPort is away from the port that the other jobs use.
const manyKafkaPort = "30392"

func (s *kafkaSide) name() string    { return "kafka-4.3.1" }
func (s *kafkaSide) brokers() string { return s.addr }
func (s *kafkaSide) pid() int        { return s.process }

func (s *kafkaSide) run(ctx context.Context, verb string) (string, error) {
	cmd := exec.CommandContext(ctx, s.script, verb)
	cmd.Env = append(os.Environ(), "KPORT="+manyKafkaPort, "KDATA="+s.data, "KEEP=1")
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w", s.script, verb, err)
	}
	return strings.TrimSpace(string(out)), nil
}

// start returns when the port is open, which Kafka does before it answers.
func (s *kafkaSide) start(ctx context.Context) error {
	if _, err := s.run(ctx, "start"); err != nil {
		return err
	}
	addr, err := s.run(ctx, "bootstrap")
	if err != nil {
		return err
	}
	pid, err := s.run(ctx, "pids")
	if err != nil {
		return err
	}
	s.addr = addr
	s.process, err = strconv.Atoi(pid)
	return err
}

// stop is SIGTERM, waited for longer than the script would.
func (s *kafkaSide) stop() error { return s.signal(syscall.SIGTERM) }

func (s *kafkaSide) kill() error { return s.signal(syscall.SIGKILL) }

// goneEvery is how often the peer is looked at while it ends.
const goneEvery = 20 * time.Millisecond

func (s *kafkaSide) signal(sig syscall.Signal) error {
	if s.process == 0 {
		return nil
	}
	if err := syscall.Kill(s.process, sig); err != nil {
		return err
	}
	tick := time.NewTicker(goneEvery)
	defer tick.Stop()
	for deadline := time.Now().Add(manyStepMax); time.Now().Before(deadline); <-tick.C {
		if _, err := harness.CPU(s.process); err != nil {
			s.process = 0
			return nil
		}
	}
	return fmt.Errorf("the peer did not end within %v", manyStepMax)
}
