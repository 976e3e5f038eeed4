package connect

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"

	"github.com/segmentio/kafka-go/sasl"
	"github.com/segmentio/kafka-go/sasl/plain"
	"github.com/segmentio/kafka-go/sasl/scram"
)

// secureFlags are how to reach servers that take no plain connection.
type secureFlags struct {
	ClickhouseTLS bool   `name:"clickhouse-tls" help:"Speak TLS with ClickHouse (its secure native port, often 9440)." env:"ERRATA_CLICKHOUSE_TLS" group:"TLS and login"`
	ClickhouseCA  string `name:"clickhouse-ca" help:"File with the certificates that sign ClickHouse's; default: those of the system." env:"ERRATA_CLICKHOUSE_CA" placeholder:"FILE" group:"TLS and login"`

	KafkaTLS          bool   `name:"kafka-tls" help:"Speak TLS with Kafka." env:"ERRATA_KAFKA_TLS" group:"TLS and login"`
	KafkaCA           string `name:"kafka-ca" help:"File with the certificates that sign the brokers'; default: those of the system." env:"ERRATA_KAFKA_CA" placeholder:"FILE" group:"TLS and login"`
	KafkaCert         string `name:"kafka-cert" help:"File with a certificate of our own, where brokers ask for one; with --kafka-key." env:"ERRATA_KAFKA_CERT" placeholder:"FILE" group:"TLS and login"`
	KafkaKey          string `name:"kafka-key" help:"File with its key." env:"ERRATA_KAFKA_KEY" placeholder:"FILE" group:"TLS and login"`
	KafkaUser         string `name:"kafka-user" help:"Log in to Kafka (SASL) as this user." env:"ERRATA_KAFKA_USER" group:"TLS and login"`
	KafkaPassword     string `name:"kafka-password" help:"Its password; better in a file or in the environment." env:"ERRATA_KAFKA_PASSWORD" group:"TLS and login"`
	KafkaPasswordFile string `name:"kafka-password-file" help:"File that holds it." env:"ERRATA_KAFKA_PASSWORD_FILE" placeholder:"FILE" group:"TLS and login"`
	KafkaMechanism    string `name:"kafka-mechanism" help:"How: scram-sha-512, scram-sha-256 or plain." enum:"scram-sha-512,scram-sha-256,plain" default:"scram-sha-512" env:"ERRATA_KAFKA_MECHANISM" group:"TLS and login"`
}

// clickhouseTLS is nil where nothing asks for TLS.
func (f *secureFlags) clickhouseTLS() (*tls.Config, error) {
	if !f.ClickhouseTLS && f.ClickhouseCA == "" {
		return nil, nil //nolint:nilnil // A plain connection is no error.
	}
	return trusting("--clickhouse-ca", f.ClickhouseCA)
}

// KafkaSecurity is how to connect and log in to Kafka; nil each where nothing
// asks for it.
func (f *secureFlags) KafkaSecurity() (*tls.Config, sasl.Mechanism, error) {
	login, err := f.kafkaLogin()
	if err != nil {
		return nil, nil, err
	}
	if !f.KafkaTLS && f.KafkaCA == "" && f.KafkaCert == "" && f.KafkaKey == "" {
		return nil, login, nil
	}
	secure, err := trusting("--kafka-ca", f.KafkaCA)
	if err != nil {
		return nil, nil, err
	}
	if f.KafkaCert != "" || f.KafkaKey != "" {
		if f.KafkaCert == "" || f.KafkaKey == "" {
			return nil, nil, errors.New("cannot connect to Kafka: --kafka-cert and --kafka-key go together")
		}
		own, err := tls.LoadX509KeyPair(f.KafkaCert, f.KafkaKey)
		if err != nil {
			return nil, nil, fmt.Errorf("cannot read --kafka-cert and --kafka-key: %w", err)
		}
		secure.Certificates = []tls.Certificate{own}
	}
	return secure, login, nil
}

func (f *secureFlags) kafkaLogin() (sasl.Mechanism, error) {
	password := f.KafkaPassword
	if f.KafkaPasswordFile != "" {
		raw, err := os.ReadFile(f.KafkaPasswordFile)
		if err != nil {
			return nil, fmt.Errorf("cannot read --kafka-password-file: %w", err)
		}
		password = string(bytes.TrimRight(raw, "\r\n"))
	}
	switch {
	case f.KafkaUser == "" && password == "":
		return nil, nil //nolint:nilnil // No login is no error.
	case f.KafkaUser == "" || password == "":
		return nil, errors.New("cannot log in to Kafka: --kafka-user and a password (--kafka-password-file FILE) go together")
	case f.KafkaMechanism == "plain":
		return plain.Mechanism{Username: f.KafkaUser, Password: password}, nil
	}
	algorithm := scram.SHA512
	if f.KafkaMechanism == "scram-sha-256" {
		algorithm = scram.SHA256
	}
	m, err := scram.Mechanism(algorithm, f.KafkaUser, password)
	if err != nil {
		return nil, fmt.Errorf("cannot log in to Kafka as %q: %w", f.KafkaUser, err)
	}
	return m, nil
}

// trusting reads the certificates of a file; without one the system's are
// trusted.
func trusting(flag, file string) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if file == "" {
		return c, nil
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", flag, err)
	}
	c.RootCAs = x509.NewCertPool()
	if !c.RootCAs.AppendCertsFromPEM(raw) {
		return nil, fmt.Errorf("cannot use %s: %s holds no certificate in PEM form", flag, file)
	}
	return c, nil
}
