package vfs

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
)

func TestTruncate(t *testing.T) {
	for name, fs := range map[string]FS{"memory": NewMem(), "disk": Default()} {
		t.Run(name, func(t *testing.T) {
			if name == "disk" {
				t.Chdir(t.TempDir())
			}
			f, err := fs.OpenReadWrite("x", Category)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			content := bytes.Repeat([]byte{7}, zeroBlock*2+5)
			if _, err := f.WriteAt(content, 0); err != nil {
				t.Fatal(err)
			}
			if err := Truncate(f, 3); err != nil {
				t.Fatal(err)
			}
			if err := Truncate(f, 1<<30); err != nil {
				t.Fatalf("growing is nothing to do: %v", err)
			}
			got, err := ReadFile(fs, "x", 1<<20)
			if err != nil || !bytes.Equal(bytes.TrimRight(got, "\x00"), []byte{7, 7, 7}) {
				t.Fatalf("%d bytes, %v", len(got), err)
			}
		})
	}
}

func TestWriteFileAtomic(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	mem := NewCrashableMem()
	writing := 0
	fs := Inject(mem, func(op Op) error {
		after := Crash(mem, rng.IntN(101), rng)
		if writing < 2 {
			return nil
		}
		got, err := ReadFile(after, "x", 100)
		if err != nil || string(got) != fmt.Sprint(writing-1) && string(got) != fmt.Sprint(writing) {
			t.Errorf("crash before operation %d while writing %d: %q %v", op.Kind, writing, got, err)
		}
		return nil
	})
	for writing = range 20 {
		if err := WriteFileAtomic(fs, "x", fmt.Append(nil, writing)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestMkdirAllIsDurable(t *testing.T) {
	mem := NewCrashableMem()
	if err := MkdirAll(mem, "a/b/c", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := MkdirAll(mem, "a/b/d", 0o755); err != nil {
		t.Fatal(err)
	}
	after := Crash(mem, 0, rand.New(rand.NewPCG(0, 0)))
	for _, dir := range []string{"a/b/c", "a/b/d"} {
		if _, err := after.Stat(dir); err != nil {
			t.Errorf("after a power cut: %v", err)
		}
	}
}

func TestErrors(t *testing.T) {
	fs := Inject(NewMem(), func(op Op) error {
		if op.Kind == OpFileWrite {
			return fmt.Errorf("write: %w", syscall.ENOSPC)
		}
		return nil
	})
	if err := WriteFileAtomic(fs, "x", []byte("a")); !IsNoSpace(err) {
		t.Fatalf("full disk: %v", err)
	}
	if _, err := ReadFile(fs, "y", 10); !IsNotExist(err) {
		t.Fatalf("missing file: %v", err)
	}
	if IsNoSpace(errors.New("other")) {
		t.Fatal("other errors")
	}
}

// TestTorn: a write may end in the middle, whichever way its file was opened; what is below stays whole.
func TestTorn(t *testing.T) {
	mem := NewMem()
	left := 5
	fs := Torn(mem, func(_ string, p []byte, write func([]byte) (int, error)) (int, error) {
		n, err := write(p[:min(left, len(p))])
		left -= n
		if n < len(p) && err == nil {
			err = syscall.ENOSPC
		}
		return n, err
	})
	made, err := fs.Create("made", Category)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := made.Write([]byte("abc")); n != 3 || err != nil {
		t.Fatal(n, err)
	}
	if err := made.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := fs.OpenReadWrite("made", Category)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := again.WriteAt([]byte("defg"), 3); n != 2 || !IsNoSpace(err) {
		t.Fatalf("%d bytes, %v", n, err)
	}
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
	if got, err := ReadFile(fs.Unwrap(), "made", 100); string(got) != "abcde" || err != nil {
		t.Fatalf("%q, %v", got, err)
	}
	reused, err := fs.ReuseForWrite("made", "other", Category)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := reused.Write([]byte("x")); n != 0 || !IsNoSpace(err) {
		t.Fatalf("%d bytes, %v", n, err)
	}
	if err := reused.Close(); err != nil {
		t.Fatal(err)
	}
}
