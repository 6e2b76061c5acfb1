use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::*;

/// Takes one letter as a mail server does that knows no extension, and answers its end with this line.
async fn mail_server(last: &'static str) -> (u16, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let taking = tokio::spawn(async move {
        let (connection, _) = listener.accept().await.unwrap();
        let (reading, mut writing) = connection.into_split();
        let (mut lines, mut said, mut in_letter) = (BufReader::new(reading).lines(), String::new(), false);
        writing.write_all(b"220 test\r\n").await.unwrap();
        while let Some(line) = lines.next_line().await.unwrap() {
            said.push_str(&line);
            said.push('\n');
            let answer = match line.split(' ').next() {
                Some(".") => last,
                _ if in_letter => continue,
                Some("DATA") => "354 go on",
                Some("QUIT") => break,
                _ => "250 ok",
            };
            in_letter = answer.starts_with("354");
            writing.write_all(format!("{answer}\r\n").as_bytes()).await.unwrap();
            if line == "." {
                break;
            }
        }
        said
    });
    (port, taking)
}

fn mail(port: u16) -> SmtpMail {
    let url = format!("smtp://127.0.0.1:{port}");
    SmtpMail::new(&MailSettings { url, from: "Homing <homing@example.com>".to_owned() }).unwrap()
}

fn letter() -> Letter {
    Letter {
        to: "ops@example.com".to_owned(),
        subject: "A certificate ends\r\nBcc: everybody@example.com".to_owned(),
        text: "In 7 days.\n".to_owned(),
    }
}

#[tokio::test]
async fn a_letter_is_handed_in() {
    let (port, taking) = mail_server("250 taken").await;
    mail(port).mail(letter()).await.unwrap();
    let said = taking.await.unwrap();
    assert!(said.contains("MAIL FROM:<homing@example.com>"), "{said}");
    assert!(said.contains("RCPT TO:<ops@example.com>"), "{said}");
    assert!(said.contains("Subject: A certificate ends"), "{said}");
    assert!(said.contains("\n\nIn 7 days."), "{said}");
    assert!(!said.contains("\nBcc:"), "{said}");
}

#[tokio::test]
async fn what_a_server_says_decides_whether_to_try_again() {
    for (answer, fault) in [("554 no", Fault::Broken), ("451 later", Fault::Retry)] {
        let (port, _taking) = mail_server(answer).await;
        assert_eq!(mail(port).mail(letter()).await.unwrap_err().fault, fault, "{answer}");
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = listener.local_addr().unwrap().port();
    drop(listener);
    assert_eq!(mail(nobody).mail(letter()).await.unwrap_err().fault, Fault::Retry);
    let wrong = Letter { to: "nobody".to_owned(), ..letter() };
    assert_eq!(mail(nobody).mail(wrong).await.unwrap_err().fault, Fault::Broken);
}

#[test]
fn settings_are_checked_and_a_password_is_shown_nowhere() {
    let settings = |url: &str| MailSettings { url: url.to_owned(), from: "homing@example.com".to_owned() };
    for good in ["smtp://host", "smtp://host:25?tls=required", "smtps://user:pass%40word@host:465"] {
        let shown = format!("{:?} {:?}", settings(good), SmtpMail::new(&settings(good)).unwrap());
        assert!(!shown.contains("pass"), "{shown}");
    }
    let wrong = SmtpMail::new(&settings("imap://user:hunter2@host")).unwrap_err();
    assert!(wrong.setting == "url" && !wrong.to_string().contains("hunter2"), "{wrong}");
    let nobody = MailSettings { from: "nobody".to_owned(), ..settings("smtp://host") };
    assert_eq!(SmtpMail::new(&nobody).unwrap_err().setting, "from");
}
